// Node.js looks for packages under the names that rename.mjs gave them: a package that was renamed still asks for `semver` in its code, and
// what is installed is `@demo.localhost/semver`. Loaded with `--require`; the domain is in RENAMED_INTO. A name is looked for as it is
// written first, so Node's own modules, files, and what was not renamed are found as always. Changes no file.
const Module = require('node:module');

const domain = process.env.RENAMED_INTO;

const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...more) {
  try {
    return resolve.call(this, request, ...more);
  } catch (error) {
    const other = renamed(request);
    if (error.code !== 'MODULE_NOT_FOUND' || !other) throw error;
    return resolve.call(this, other, ...more);
  }
};

// `semver/ranges/valid` → `@domain/semver/ranges/valid`; nothing for paths and addresses.
function renamed(request) {
  const parts = /^(@[^/]+\/)?([^@./:][^/:]*)(\/.*)?$/.exec(request);
  if (!parts || request.startsWith(`@${domain}/`)) return null;
  const [, scope = '', name, rest = ''] = parts;
  return `@${domain}/${(scope.replace('@', '').replace('/', '-') + name).toLowerCase()}${rest}`;
}

// The same for `import`, which runs in a thread of its own.
const hook = `
const domain = ${JSON.stringify(domain)};
${renamed}
export async function resolve(request, context, next) {
  try {
    return await next(request, context);
  } catch (error) {
    const other = renamed(request);
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || !other) throw error;
    return next(other, context);
  }
}
`;
Module.register(`data:text/javascript,${encodeURIComponent(hook)}`);
