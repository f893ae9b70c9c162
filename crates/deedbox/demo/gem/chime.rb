# Says what the bell says.
module Chime
  def self.at(hour)
    (["ding"] * hour).join(" ") + " dong"
  end
end
