'use strict'

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Letters as people see them: an accent, a flag or a family is one. */
function letters (text) {
  return [...segmenter.segment(text)].filter(({ segment }) => /\p{L}|\p{N}/u.test(segment)).length
}

/** Bytes in UTF-8. */
function bytes (text) {
  return Buffer.byteLength(text, 'utf8')
}

module.exports = { letters, bytes }
