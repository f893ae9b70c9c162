# Builds gems again from the gems that are installed on this machine: their own specification and their own files, put together by RubyGems'
# packer as `gem build` does. What distinguishes them from the gems at home: the metadata says whose they are here, since that is part of a
# gem's bytes; files that the system's packages left out (tests, documents) are left out; and what has compiled parts is a gem for this
# machine's platform with the compiled files in it, since their sources are not installed.
# Arguments: the domain, the folder to write into, and names; those with a + also become a gem for every platform, without what is compiled.
# Prints a JSON list, ascending by file name, of name, version, platform and file. A name that is not installed stops it.
require 'fileutils'
require 'json'
require 'rbconfig'
require 'rubygems/package'
require 'tmpdir'

domain, into, *names = ARGV
Gem::DefaultUserInteraction.ui = Gem::SilentUI.new
config = RbConfig::CONFIG
PLAIN = [config['rubylibdir'], config['vendorlibdir'], config['vendordir']].freeze
COMPILED = [config['rubyarchdir'], config['vendorarchdir']].freeze

# Path inside the gem => file on this machine. Debian puts what is below `lib` beside Ruby's own library, and some lists name it without `lib`.
def files(spec)
  root, lib = spec.full_gem_path, spec.raw_require_paths.first
  inside = Dir.glob('**/*', base: root).select { |path| File.file?(File.join(root, path)) }
  found = (spec.files | inside).flat_map do |path|
    path = path.delete_prefix('./')
    below = path.delete_prefix("#{lib}/")
    [[path, File.join(root, path)], *PLAIN.map { |folder| ["#{lib}/#{below}", File.join(folder, below)] }].select { |_, file| File.file?(file) }.first(1)
  end
  found.to_h.reject { |path, _| path.end_with?('.so', '.gem') }
end

# Shared objects of a gem, in the folder from which they are required.
def compiled(spec)
  name = spec.name.tr('-', '/')
  (COMPILED + [spec.extension_dir]).compact.uniq.flat_map do |folder|
    paths = Dir.glob(["#{name}.so", "#{name}/**/*.so", "#{name}_core.so", "#{name}_ext.so"], base: folder)
    paths.map { |path| ["#{spec.raw_require_paths.first}/#{path}", File.join(folder, path)] }
  end.to_h
end

def build(spec, files, domain, into)
  Dir.mktmpdir do |stage|
    files.each do |path, file|
      FileUtils.mkdir_p(File.dirname(File.join(stage, path)))
      FileUtils.cp(file, File.join(stage, path))
    end
    spec.files = files.keys.sort
    spec.test_files = spec.extra_rdoc_files = spec.extensions = []
    spec.executables = spec.executables.select { |name| files.key?("#{spec.bindir}/#{name}") }
    spec.metadata = spec.metadata.merge('deedbox_id' => "gem:#{domain}/#{spec.name}")
    file = File.join(into, spec.file_name)
    Dir.chdir(stage) { Gem::Package.build(spec, false, false, file) }
    { name: spec.name, version: spec.version.to_s, platform: spec.platform.to_s, file: file }
  end
end

FileUtils.mkdir_p(into)
built = names.flat_map do |wanted|
  name = wanted.delete_suffix('+')
  spec = Gem::Specification.find_all_by_name(name).max_by(&:version)
  abort "#{name} is not installed" unless spec
  plain, shared = files(spec), compiled(spec)
  abort "#{wanted} has no files" if plain.empty? && shared.empty?
  releases = []
  releases << build(spec.dup, plain, domain, into) if shared.empty? || wanted.end_with?('+')
  unless shared.empty?
    native = spec.dup
    native.platform = Gem::Platform.local
    version = Gem.ruby_version.segments
    native.required_ruby_version = [">= #{version[0]}.#{version[1]}", "< #{version[0]}.#{version[1] + 1}.dev"]
    releases << build(native, plain.merge(shared), domain, into)
  end
  releases
end
puts JSON.generate(built.sort_by { |gem| gem[:file] })
