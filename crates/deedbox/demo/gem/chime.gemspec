Gem::Specification.new do |s|
  s.name = "chime"
  s.version = "1.0.0"
  s.summary = "Says what the bell says"
  s.authors = ["Deedbox"]
  s.license = "MIT"
  s.homepage = "https://registry.example/chime"
  s.files = ["lib/chime.rb"]
  s.metadata["deedbox_id"] = "gem:demo.localhost/chime"
end
