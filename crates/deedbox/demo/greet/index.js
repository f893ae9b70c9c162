'use strict'

const GREETINGS = new Map([
  ['en', name => `Hello, ${name}!`],
  ['fr', name => `Bonjour, ${name} !`],
  ['cs', name => `Ahoj, ${name}!`],
  ['sw', name => `Habari, ${name}!`],
  ['ja', name => `こんにちは、${name}さん`]
])

/** A greeting in one language; throws on a language that it does not know. */
function greet (name, language = 'en') {
  const say = GREETINGS.get(language)
  if (!say) throw new RangeError(`no greeting in ${language}; known are ${[...GREETINGS.keys()].join(', ')}`)
  return say(name)
}

/** Where the chime is that goes with a greeting. */
const chime = require('node:path').join(__dirname, 'chime.wav')

module.exports = { greet, chime, languages: [...GREETINGS.keys()] }
