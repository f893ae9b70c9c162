// What the machine's own npm makes of lock files: each line of standard input is one file as a JSON string, each line of standard output
// is what arborist's loadVirtual and the readers behind it (npm-package-arg, ssri) see in it. Fetches nothing, installs nothing.
'use strict'
const fs = require('node:fs')
const path = require('node:path')
const readline = require('node:readline')
const modules = process.argv[2]
const folder = process.argv[3]
const ours = name => require(path.join(modules, name))
const Arborist = ours('@npmcli/arborist')
const npa = ours('npm-package-arg')
const ssri = ours('ssri')

const inside = (node, folder) => path.relative(folder, node.path).split(path.sep).join('/')
const kind = text => {
  try {
    return npa(text).type
  } catch {
    return 'unreadable'
  }
}
// Whether an edge asks a registry, and for the package that the node says it is.
const isAskedOfRegistry = (edge, node) => {
  try {
    const spec = npa.resolve(edge.name, edge.spec || '*')
    const asked = spec.subSpec || spec
    return Boolean(asked.registry) && asked.name === node.packageName
  } catch {
    return false
  }
}

function see (node) {
  const wanted = ssri.parse(node.integrity)
  const algorithm = wanted && wanted.pickAlgorithm()
  const shrinkwrapped = [...node.ancestry()].slice(1).some(above => above.hasShrinkwrap)
  return {
    path: inside(node, folder),
    name: node.name,
    package: node.packageName,
    version: node.version,
    link: Boolean(node.isLink),
    algorithm: algorithm || null,
    digests: algorithm ? wanted[algorithm].map(hash => hash.digest) : [],
    resolved: node.resolved ? kind(`${node.name}@${node.resolved}`) : null,
    fetched: Boolean(node.parent) && !node.inDepBundle && !shrinkwrapped,
    asked: [...node.edgesIn].every(edge => isAskedOfRegistry(edge, node)),
  }
}

async function answer (text) {
  fs.writeFileSync(path.join(folder, 'package-lock.json'), text)
  const tree = await new Arborist({ path: folder }).loadVirtual()
  return { nodes: [...tree.inventory.values()].filter(node => !node.isRoot).map(see) }
}

async function main () {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let said
    try {
      said = await answer(JSON.parse(line))
    } catch (error) {
      said = { refused: String(error.message) }
    }
    process.stdout.write(`${JSON.stringify(said)}\n`)
  }
}
main()
