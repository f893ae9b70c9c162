// Copies packages as npm installed them, each into a folder of its own, and renames them into a scope that is a domain: the name, and
// the names of what they depend on, since a name is part of a package's bytes. `@npmcli/fs` becomes `@demo.localhost/npmcli-fs`.
// Every other file stays byte for byte. In package.json, what is no part of a package as it is published goes: `private`, and the list
// of what is bundled, since what a package needs is to come from the registry. The order of keys stays: that of `exports` has a meaning.
// Arguments: the domain, the folder to write into, a package to leave out, and folders `node_modules` to read. Prints a JSON list, ascending by name and version;
// of a version that is there several times, the first is taken.
import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [domain, into, without, ...roots] = process.argv.slice(2);

const flat = (name) => name.replace('@', '').replace('/', '-').toLowerCase();
const renamed = (name) => `@${domain}/${flat(name)}`;

// Folders of packages below a folder `node_modules`, at any depth.
function* packages(modules) {
  for (const entry of readdirSync(modules).sort()) {
    if (entry.startsWith('.')) continue;
    const folders = entry.startsWith('@') ? readdirSync(join(modules, entry)).sort().map((name) => join(entry, name)) : [entry];
    for (const folder of folders.map((name) => join(modules, name))) {
      if (existsSync(join(folder, 'package.json'))) yield folder;
      if (existsSync(join(folder, 'node_modules'))) yield* packages(join(folder, 'node_modules'));
    }
  }
}

const ranges = (map) => Object.fromEntries(Object.entries(map).map(([name, range]) => {
  const alias = /^npm:(@?[^@]+)(.*)$/.exec(range);
  return [renamed(name), alias ? `npm:${renamed(alias[1])}${alias[2]}` : range];
}));

function rewritten(source) {
  const json = { ...source, name: renamed(source.name) };
  for (const kind of ['dependencies', 'optionalDependencies', 'peerDependencies']) {
    if (json[kind]) json[kind] = ranges(json[kind]);
  }
  if (json.peerDependenciesMeta) {
    json.peerDependenciesMeta = Object.fromEntries(Object.entries(json.peerDependenciesMeta).map(([name, meta]) => [renamed(name), meta]));
  }
  for (const key of ['private', 'bundleDependencies', 'bundledDependencies']) delete json[key];
  // Where its author publishes it is not where the tests do.
  if (json.publishConfig) json.publishConfig = Object.fromEntries(Object.entries(json.publishConfig).filter(([key]) => !key.endsWith('registry')));
  return json;
}

const numbers = (version) => version.split(/[-+]/)[0].split('.').map(Number);
const ascending = (a, b) => {
  if (a.original !== b.original) return a.original < b.original ? -1 : 1;
  const [left, right] = [numbers(a.version), numbers(b.version)];
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2] || (a.version < b.version ? -1 : 1);
};

const found = new Map();
const owners = new Map();
for (const folder of roots.flatMap((root) => [...packages(root)])) {
  const source = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const { name: original, version } = source;
  // Folders of a package may have a package.json that only says how to read them.
  if (!original || !version || original === without || found.has(`${original}@${version}`)) continue;
  const name = flat(original);
  if ((owners.get(name) ?? original) !== original) throw new Error(`${original} and ${owners.get(name)} would both be ${name}`);
  owners.set(name, original);
  const copy = join(into, `${name}-${version}`);
  mkdirSync(copy, { recursive: true });
  // Packages of their own; a folder of that name further in is part of the package.
  const modules = join(folder, 'node_modules');
  cpSync(folder, copy, { recursive: true, filter: (path) => path !== modules && !lstatSync(path).isSymbolicLink() });
  writeFileSync(join(copy, 'package.json'), `${JSON.stringify(rewritten(source), null, 2)}\n`);
  found.set(`${original}@${version}`, { original, name, version, folder: copy });
}
console.log(JSON.stringify([...found.values()].sort(ascending)));
