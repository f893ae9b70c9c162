// A second implementation, as a test of the specification: it follows spec/*.md section by section, has no dependencies, and shares no
// code with the Rust. Reads the fixtures and derives again what they say: leaf hashes, roots, tiles, bundles, the checkpoint's signature,
// and of each entry whether it is a statement, its event id, its key and its signature. Numbers in brackets are sections of the texts.
// Argument: the folder `fixtures`. Prints one line of counts; stops with the first thing that differs.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
const read = (path) => JSON.parse(readFileSync(join(folder, path), 'utf8'));
const hex = (text) => Buffer.from(text, 'hex');
const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts.map((p) => Buffer.from(p)))).digest();
const same = (found, expected, what) => {
  if (String(found) !== String(expected)) throw new Error(`${what}: found ${found}, expected ${expected}`);
};
const refuse = (why) => { throw new Error(why); };

// log.md [1.1], [1.2]
const leafHash = (entry) => sha256([0], entry);
const root = (leaves) => {
  if (leaves.length === 0) return sha256([]);
  if (leaves.length === 1) return leaves[0];
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha256([1], root(leaves.slice(0, k)), root(leaves.slice(k)));
};

// encoding.md [1]: reads one item; everything that is not canonical throws.
function decode(bytes) {
  let at = 0;
  const take = (n) => (at + n <= bytes.length ? bytes.subarray(at, (at += n)) : refuse('an end within it'));
  const text = (slice) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(slice);
  const head = () => {
    const first = take(1)[0];
    const [major, info] = [first >> 5, first & 31];
    if (major === 7) return info >= 20 && info <= 22 ? [7, info] : refuse('a float, a simple value or a break');
    if (info < 24) return [major, info];
    if (info > 27) return refuse('an indefinite or reserved length');
    const n = BigInt('0x' + take(1 << (info - 24)).toString('hex'));
    if (n < [24n, 1n << 8n, 1n << 16n, 1n << 32n][info - 24]) refuse('not in its shortest form');
    return [major, n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : n];
  };
  const item = (depth) => {
    if (depth > 32) refuse('too deep');
    const [major, n] = head();
    switch (major) {
      case 0: return n;
      case 1: return -1n - BigInt(n);
      case 2: return take(n);
      case 3: return text(take(n));
      case 4: { const list = []; for (let i = 0; i < n; i += 1) list.push(item(depth + 1)); return list; }
      case 5: {
        const map = new Map();
        let last = null;
        for (let i = 0; i < n; i += 1) {
          const [m, length] = head();
          if (m !== 3) refuse('a map key that is not a text');
          const key = take(length);
          if (last && (last.length > key.length || (last.length === key.length && Buffer.compare(last, key) >= 0))) refuse('keys out of order');
          last = key;
          map.set(text(key), item(depth + 1));
        }
        return map;
      }
      case 7: return [false, true, null][n - 20];
      default: return refuse('a tag');
    }
  };
  const value = item(0);
  if (at !== bytes.length) refuse('bytes after the one item');
  return value;
}

// statements.md [1.1]; strictly by position, so that [1.2] follows.
const KINDS = { statement: 65535, acceptance: 8192, permit: 8192 }; // [1.3]
function envelope(bytes, kind) {
  let at = 0;
  let source = bytes;
  if (bytes.length > KINDS[kind]) refuse('too large');
  const literal = (...expected) => { for (const b of expected) if (source[at++] !== b) refuse(`another layout at ${at - 1}`); };
  const string = (major) => {
    const info = source[at++] - major * 32;
    const width = info < 24 ? 0 : info <= 26 ? 1 << (info - 24) : refuse('another layout');
    let n = info;
    if (width) { n = source.subarray(at, at + width).reduce((sum, b) => sum * 256 + b, 0); at += width; }
    if (width && n < [24, 256, 65536][Math.log2(width)]) refuse('not in its shortest form');
    if (!(n >= 0) || at + n > source.length) refuse('an end within it');
    return source.subarray(at, (at += n));
  };
  const text = () => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(string(3));
  const end = () => at === source.length || refuse('bytes after the end');
  literal(0xd2, 0x84);
  const header = string(2);
  literal(0xa0);
  const payload = string(2);
  literal(0x58, 0x40);
  const signature = source.subarray(at, (at += 64));
  if (signature.length !== 64) refuse('an end within it');
  end();
  [source, at] = [header, 0];
  literal(0xa4, 0x01, 0x27, 0x03);
  if (text() !== `application/vnd.deedbox.${kind}+cbor`) refuse('another kind');
  literal(0x04, 0x58, 0x20);
  const kid = source.subarray(at, (at += 32));
  literal(0x0f, 0xa3, 0x01);
  const iss = text();
  literal(0x02);
  const sub = text();
  literal(0x03);
  const aud = text();
  end();
  return { header, payload, signature, kid, iss, sub, aud };
}

// [1.4]
const head = (major, n) => (n < 24 ? [major * 32 + n] : n < 256 ? [major * 32 + 24, n] : [major * 32 + 25, n >> 8, n & 255]);
const bstr = (bytes) => Buffer.concat([Buffer.from(head(2, bytes.length)), bytes]);
const signedBytes = (e) => Buffer.concat([hex('846a5369676e617475726531'), bstr(e.header), hex('40'), bstr(e.payload)]);

// [2.1], and the equation of [2.3]. Node's check is that of OpenSSL: S below L, no cofactor. Small orders [2.3.3] are looked up in [2.2].
const SMALL = new Set(`0100000000000000000000000000000000000000000000000000000000000000 ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f
0000000000000000000000000000000000000000000000000000000000000000 0000000000000000000000000000000000000000000000000000000000000080
26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05 26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85
c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa`.split(/\s+/));
const keyId = (key) => sha256(hex('a301012006215820'), key);
const verifies = (key, message, signature) => {
  if (SMALL.has(Buffer.from(key).toString('hex')) || SMALL.has(signature.subarray(0, 32).toString('hex'))) return false;
  const spki = Buffer.concat([hex('302a300506032b6570032100'), key]);
  return verify(null, message, createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature);
};

// encoding.md [2.1]: how many labels, if they are spelled as a domain's are.
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const labels = (text) => {
  const all = text.split('.');
  const good = (l) => label.test(l) && (l.slice(2, 4) !== '--' || l.startsWith('xn--'));
  return text.length <= 253 && all.every(good) && !/^([0-9]+|0x[0-9a-f]*)$/.test(all.at(-1)) ? all.length : 0;
};

// events.md: the fields of each type's body, and encoding.md [1.4] of the payload.
const BODIES = {
  'registry.created': ['rules', 'origin', 'log_keys', 'receipt_keys', 'operator_keys'],
  'registry.rules.changed': ['rules'],
  'registry.suffixes.changed': ['put', 'removed'],
  'domain.claimed': ['sight', 'evidence', 'acceptance'],
  'domain.keys.changed': ['put', 'removed', 'keys_only'],
  'domain.frozen': ['reason'],
  'domain.thawed': [],
  'domain.transferred': ['acceptance'],
  'domain.released': [],
  'domain.recovery.opened': ['sight', 'evidence', 'acceptance'],
  'domain.recovery.contested': ['recovery'],
  'domain.recovery.completed': ['sight', 'evidence', 'recovery'],
  'publisher.granted': ['key', 'ids', 'actions', 'until'],
  'publisher.revoked': ['grant'],
  'release.published': ['version', 'native_name', 'native_version', 'manifest', 'artifacts', 'total_size', 'principal', 'channels'],
  'release.yanked': ['version', 'reason'],
  'release.unyanked': ['version'],
  'release.deprecated': ['version', 'notice'],
  'channel.set': ['channel', 'version'],
  'channel.removed': ['channel'],
};
const exactly = (map, names) => (map instanceof Map ? [...map.keys()].sort().join() : '') === [...names].sort().join() || refuse('other fields');
// [4.1]: the classes that rest on what was seen say when, and by which records.
function sight(body) {
  const [seen, evidence] = [body.get('sight'), body.get('evidence')];
  if (!['localhost', 'operator', 'dns', 'https', 'dnssec'].includes(evidence)) refuse('another evidence');
  if (['localhost', 'operator'].includes(evidence)) return seen === null || refuse('a sight where nothing was seen');
  exactly(seen, ['at', 'records']);
  const { length } = seen.get('records');
  return (length >= 1 && length <= 12288) || refuse('no records, or too many');
}
const REASONS = ['broken', 'security', 'licence', 'mistake', 'superseded', 'unmaintained', 'other'];
const BY_REGISTRY = ['domain.claimed', 'domain.recovery.opened', 'domain.recovery.completed'];
const BY_DOMAIN = ['domain.keys.changed', 'domain.transferred', 'domain.released', 'domain.recovery.contested', 'publisher.granted',
  'publisher.revoked'];
const EITHER = ['domain.frozen', 'domain.thawed'];
// [3.4]
const ascend = (list) => list.every((one, n) => n === 0 || Buffer.compare(Buffer.from(list[n - 1]), Buffer.from(one)) < 0);
function suffixes(body) {
  const [put, removed] = [body.get('put'), body.get('removed')];
  const all = [...put, ...removed];
  if (all.length === 0 || all.length > 4096 || new Set(all).size !== all.length) refuse('no rules, too many, or one twice');
  if (!ascend(put) || !ascend(removed)) refuse('rules out of order');
  if (!all.every((rule) => (rule.startsWith('!') ? labels(rule.slice(1)) >= 2 : labels(rule.replace(/^\*\./, '')) >= 1))) refuse('not a rule');
}
// [4.4]
function keysChanged(body) {
  const [put, removed, only] = [body.get('put'), body.get('removed'), body.get('keys_only')];
  put.forEach((key) => exactly(key, ['key', 'role', 'from', 'until']));
  if (!put.every((key) => ['admin', 'publish', 'recovery'].includes(key.get('role'))) || !removed.every((id) => id.length === 32)) refuse('a role or an id');
  const keys = put.map((key) => key.get('key').get('key'));
  if ((put.length + removed.length === 0 && only === null) || ![null, true, false].includes(only) || put.length > 16 || removed.length > 16) refuse('no keys, or too many');
  if (!ascend(keys) || !ascend(removed) || removed.some((id) => keys.some((key) => keyId(key).equals(id)))) refuse('keys out of order or twice');
}
// [4.10]
function grant(domain, body) {
  const [ids, actions] = [body.get('ids'), body.get('actions')];
  if (ids.length < 1 || ids.length > 16 || !ascend(ids)) refuse('no patterns, too many, or out of order');
  if (actions.length < 1 || !ascend(actions) || !actions.every((one) => ['channel', 'publish', 'yank'].includes(one))) refuse('no actions, or others');
  const within = (name) => name === domain || name.endsWith(`.${domain}`);
  for (const id of ids) {
    const [, name] = /^[a-z][a-z0-9-]{0,31}:([a-z0-9.-]+)\/([A-Za-z0-9._-]+\/)*[A-Za-z0-9._-]*$/.exec(id) ?? [];
    if (name === undefined || !within(name)) refuse('a pattern that is none, or of another domain');
  }
}
function statement(bytes) {
  const e = envelope(bytes, 'statement');
  const says = decode(e.payload);
  exactly(says, ['type', 'prev', 'under', 'by', 'time', 'body']);
  const type = says.get('type');
  if (!Object.hasOwn(BODIES, type)) refuse('another type');
  exactly(says.get('body'), BODIES[type]);
  if (['domain.claimed', 'domain.recovery.opened', 'domain.recovery.completed'].includes(type)) sight(says.get('body'));
  if (says.get('body').has('reason') && !REASONS.includes(says.get('body').get('reason'))) refuse('another reason'); // [2]
  if (says.get('by') !== null && e.sub.startsWith('domain:') && !e.sub.includes('/')) refuse('a grant for a domain'); // statements.md [5.3]
  if (type === 'publisher.granted') grant(e.iss, says.get('body'));
  if (type === 'publisher.revoked' && says.get('body').get('grant').length !== 32) refuse('no id of a grant');
  // [4.6] to [4.9]: who says it.
  const spoken = says.get('under') !== null;
  if (BY_REGISTRY.includes(type) && spoken) refuse('said by a domain');
  if (BY_DOMAIN.includes(type) && (!spoken || e.sub !== `domain:${e.iss}`)) refuse('said by another');
  if (EITHER.includes(type) && spoken && e.sub !== `domain:${e.iss}`) refuse('said by another domain');
  if (type.startsWith('domain.recovery.') && type !== 'domain.recovery.opened') {
    const named = says.get('body').get('recovery');
    if (!(named === null && type === 'domain.recovery.contested') && named?.length !== 32) refuse('no id of a recovery');
  }
  if (says.get('body').has('acceptance')) {
    // [4.2], [4.7], [4.9]
    const accepted = envelope(says.get('body').get('acceptance'), 'acceptance');
    const [terms, prev] = [decode(accepted.payload), says.get('prev')];
    const here = terms.get('prev') === null ? prev === null : prev !== null && terms.get('prev').equals(prev);
    if (accepted.sub !== e.sub || accepted.aud !== e.aud || !here) refuse('an acceptance for another place');
  }
  if (type === 'domain.keys.changed') keysChanged(says.get('body'));
  if (type === 'registry.suffixes.changed') suffixes(says.get('body'));
  if (says.get('under') === null && e.iss !== e.aud) refuse('another speaker'); // statements.md [5.3]
  return { ...e, type, body: says.get('body') };
}

// log.md [4], [5]
function checkpoint(note, origin, vkey) {
  const [name, id, encoded] = vkey.split('+');
  const typed = Buffer.from(encoded, 'base64'); // [5.5]
  same(sha256(Buffer.from(name), [0x0a], typed).subarray(0, 4).toString('hex'), id, 'key id'); // [5.3]
  same(typed[0], 1, 'key type');
  const cut = note.lastIndexOf('\n\n') + 1;
  const [text, lines] = [note.slice(0, cut), note.slice(cut + 1)];
  const mine = lines.split('\n').filter((line) => line.startsWith(`— ${name} `)).map((line) => Buffer.from(line.slice(name.length + 3), 'base64'))
    .filter((bytes) => bytes.subarray(0, 4).toString('hex') === id);
  if (mine.length === 0) refuse('not signed by the log');
  for (const bytes of mine) if (!verifies(typed.subarray(1), Buffer.from(text), bytes.subarray(4))) refuse('a bad signature');
  const parts = text.split('\n');
  same(parts.length, 4, 'lines of a checkpoint');
  same(parts[0], origin, 'origin');
  return { size: Number(parts[1]), root: Buffer.from(parts[2], 'base64').toString('hex') };
}

// authority.md [3], [4]: the refusals that are looked for before the signature.
const EARLIER = new Set(['not_the_beginning', 'other_audience', 'already_logged', 'too_old', 'not_claimed', 'not_the_owner', 'other_tenure',
  'key_not_authorised', 'key_may_not', 'released', 'no_recovery', 'may_not_contest', 'no_such_grant', 'grant_over', 'not_granted']);
const count = { entries: 0, statements: 0, signatures: 0, refused: 0, cbor: 0, texts: 0 };
function log(path) {
  const json = read(path);
  const entries = json.entries.map((e) => hex(e.statement));
  const leaves = entries.map(leafHash);
  json.roots.forEach((r) => same(root(leaves.slice(0, r.size)).toString('hex'), r.root, `${path}: root at ${r.size}`));
  json.checkpoints.forEach((c) => {
    const found = checkpoint(c.note, json.origin, json.log_vkey);
    same(found.size, c.size, 'size');
    same(found.root, json.roots[c.size - 1].root, 'root of the checkpoint');
  });
  // [2.1], [2.3], [3.1], [3.2]: one partial tile, one partial bundle.
  same(json.tiles.map((t) => t.path), `tile/0/000.p/${entries.length}`, 'tiles');
  same(json.tiles[0].bytes, Buffer.concat(leaves).toString('hex'), 'tile');
  same(json.bundles.map((b) => b.path), `tile/entries/000.p/${entries.length}`, 'bundles');
  same(json.bundles[0].bytes, Buffer.concat(entries.flatMap((e) => [Buffer.from([e.length >> 8, e.length & 255]), e])).toString('hex'), 'bundle');
  // events.md [3.1]: entry 0 names the key of the checkpoints.
  const logKeys = statement(entries[0]).body.get('log_keys').map((key) => key.get('key').toString('base64'));
  if (!logKeys.includes(Buffer.from(json.log_vkey.split('+')[2], 'base64').subarray(1).toString('base64'))) refuse('another log key');
  // Keys that effective events registered: authority.md [2], `key/`.
  const keys = new Map();
  const register = (key) => keys.set(keyId(key).toString('hex'), key);
  json.entries.forEach((said, index) => {
    same(leaves[index].toString('hex'), said.event_id, `event id of entry ${index}`); // statements.md [6]
    count.entries += 1;
    if (said.verdict === 'undecided') return; // authority.md [1.4]: not even looked at
    let found = null;
    try { found = statement(entries[index]); } catch { /* undecodable, which the verdict must say */ }
    same(found === null, said.code === 'undecodable', `entry ${index} is a statement or not`);
    if (found === null) return;
    count.statements += 1;
    if (said.verdict === 'effective' && found.type === 'registry.created')
      for (const kind of ['log_keys', 'receipt_keys', 'operator_keys']) found.body.get(kind).forEach((key) => register(key.get('key')));
    if (said.verdict === 'effective' && found.type === 'publisher.granted') register(found.body.get('key').get('key'));
    if (said.verdict === 'effective' && found.type === 'domain.keys.changed')
      found.body.get('put').forEach((key) => register(key.get('key').get('key')));
    if (said.verdict === 'effective' && found.body.has('acceptance')) {
      const acceptance = envelope(found.body.get('acceptance'), 'acceptance');
      const terms = decode(acceptance.payload);
      same(acceptance.sub, found.sub, 'subject of an acceptance'); // events.md [4.2]
      const signer = terms.get('keys').find((key) => keyId(key.get('key').get('key')).equals(acceptance.kid) && key.get('role') === 'admin');
      if (!verifies(signer.get('key').get('key'), signedBytes(acceptance), acceptance.signature)) refuse('an acceptance that does not verify');
      terms.get('keys').forEach((key) => register(key.get('key').get('key')));
      // events.md [4.1], dnssec.md [6]: the record is among the records. (What signs them is for another test to check.)
      const record = `deedbox-claim=sha256:${sha256(found.body.get('acceptance')).toString('hex')}`;
      if (found.body.get('evidence') === 'dnssec') same(found.body.get('sight').get('records').includes(record), true, 'the record in its records');
      // authority.md [4.3.7]
      const left = terms.get('until') - said.log_time;
      if (left < 0 || left > 604800000) refuse(`the acceptance of entry ${index} is not for now`);
    }
    // authority.md [3]: the beginning brings its own key.
    const own = found.type === 'registry.created' ? found.body.get('operator_keys').map((k) => k.get('key')) : [];
    const key = own.find((k) => keyId(k).equals(found.kid)) ?? keys.get(found.kid.toString('hex'));
    const good = key !== undefined && verifies(key, signedBytes(found), found.signature);
    // Whatever is effective, or void by a check that comes after the one of the signature, has a good one.
    if (!EARLIER.has(said.code)) same(good, said.code !== 'bad_signature', `the signature of entry ${index}`);
    count.signatures += good ? 1 : 0;
  });
}
['small', 'verdicts', 'order', 'edges', 'contents', 'claims', 'hands', 'grants', 'void-beginning', 'protocol2'].forEach((name) => log(`logs/${name}.json`));

// statements.md [1], [2.3], [6] on every case of every type.
for (const type of Object.keys(BODIES))
  for (const said of read(`statements/${type}.json`).cases) {
    const found = statement(hex(said.statement));
    same(found.header.toString('hex'), said.protected, 'protected header');
    same(signedBytes(found).toString('hex'), said.sig_structure, 'Sig_structure');
    same(keyId(hex(said.public_key)).toString('hex'), said.kid, 'kid');
    same(found.kid.toString('hex'), said.kid, 'kid of the header');
    if (!verifies(hex(said.public_key), signedBytes(found), found.signature)) refuse(`${type}: ${said.name}`);
    same(leafHash(hex(said.statement)).toString('hex'), said.event_id, 'event id');
    count.statements += 1;
    count.signatures += 1;
  }

// encoding.md [1.2], statements.md [1.2], [2.3], events.md [3.4], [4.1], [4.4]: what is refused.
const refused = read('statements/refused.json');
const READ = ['encoding §1.2', 'events §3.4', 'events §2', 'events §4.1', 'events §4.4', 'events §4.6', 'events §4.7', 'events §4.9', 'events §4.10'];
const throws = (f) => { try { f(); return false; } catch { return true; } };
for (const good of refused.statements_taken) statement(hex(good.statement));
for (const good of refused.cbor_taken) decode(hex(good));
for (const bad of refused.cbor) { if (!throws(() => decode(hex(bad.bytes)))) refuse(`taken: ${bad.rule}`); count.cbor += 1; }
for (const bad of refused.statements.filter((c) => c.layer === 'envelope' || READ.includes(c.where))) {
  if (!throws(() => statement(hex(bad.statement)))) refuse(`taken: ${bad.rule}`);
  count.refused += 1;
}
for (const said of refused.signatures) {
  const found = statement(hex(said.statement));
  same(verifies(hex(said.public_key), signedBytes(found), found.signature), said.verdict === 'verifies', said.rule);
  count.signatures += 1;
}

// statements.md [1.3]: the longest statement, in pieces.
const joined = (pieces) => Buffer.concat(pieces.flatMap((piece) => Array(piece.times).fill(hex(piece.hex))));
for (const said of refused.long) {
  const bytes = joined(said.statement);
  same(bytes.length, said.bytes, 'length');
  same(throws(() => statement(bytes)), said.verdict === 'undecodable', `${said.bytes} bytes`);
}

// encoding.md [2], [3], [5.1], statements.md [3], objects.md [2.1], [2.2]: every text by the words of the specification.
const within = (least, most, pattern) => (text) => text.length >= least && text.length <= most && pattern.test(text);
const domain = (text) => labels(text) >= 2;
const segments = (pattern, text) => text.split('/').every((part) => pattern.test(part) && part !== '.' && part !== '..');
const ecosystem = /^[a-z][a-z0-9-]{0,31}$/;
const id = (text) => {
  const found = /^([^:]*):([^/]*)\/([^]*)$/.exec(text);
  return text.length <= 255 && found !== null && ecosystem.test(found[1]) && domain(found[2]) && segments(/^[A-Za-z0-9._-]+$/, found[3]);
};
const TEXTS = {
  domain,
  ecosystem: (text) => ecosystem.test(text),
  id,
  version: within(1, 128, /^[A-Za-z0-9][A-Za-z0-9._+~!-]*$/),
  channel: within(1, 128, /^[A-Za-z0-9_][A-Za-z0-9._+-]*$/),
  native: within(1, 512, /^[\x21-\x7e]+$/),
  origin: (text) => {
    const [host, ...rest] = text.split('/');
    const good = (l) => /^[a-z0-9-]+$/.test(l) && !l.startsWith('-') && !l.endsWith('-');
    return text.length <= 200 && host.split('.').every(good) && (rest.length === 0 || segments(/^[A-Za-z0-9._-]+$/, rest.join('/')));
  },
  subject: (text) => text === 'registry' || (text.startsWith('domain:') && !text.includes('/') ? domain(text.slice(7)) : id(text)),
  artifact_name: (text) => within(1, 512, /^[\x20-\x5b\x5d-\x7e]+$/)(text) && segments(/^[^]+$/, text),
  role: within(1, 255, /^[\x20-\x7e]+$/),
  digest: within(64, 64, /^[0-9a-f]+$/),
};
const texts = read('texts.json');
for (const { kind, taken, refused: bad } of texts.kinds) {
  for (const text of taken) { same(TEXTS[kind](text), true, `${kind} ${text}`); count.texts += 1; }
  for (const { text } of bad) { same(TEXTS[kind](text), false, `${kind} ${text}`); count.texts += 1; }
}
for (const said of texts.domains) {
  const labels = said.domain.split('.');
  same(said.parents, labels.slice(1, -1).map((_, n) => labels.slice(n + 1).join('.')), `parents of ${said.domain}`);
  same(said.below_localhost, labels.at(-1) === 'localhost', said.domain);
  same(said.within, texts.domains.map((other) => other.domain).filter((other) => [said.domain, ...said.parents].includes(other)), 'within');
}
for (const said of texts.times) same(new Date(said.ms).toISOString(), said.text, 'a time');
for (const ms of texts.times_refused) if (ms <= 253402300799999) refuse('a time');

// encoding.md [5.3]: what is taken is what Node's own reader finds in it.
const files = read('key_files.json');
for (const said of files.cases.filter((c) => c.name.startsWith('version 1'))) {
  const key = createPublicKey(said.pem).export({ format: 'der', type: 'spki' });
  same(key.subarray(12).toString('hex'), files.public_key, said.name);
}
console.log(Object.entries(count).map(([name, n]) => `${name}=${n}`).join(' '));
