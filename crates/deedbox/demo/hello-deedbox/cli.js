#!/usr/bin/env node
'use strict'

const { greet, languages } = require('@demo.localhost/greet')
const { letters, bytes } = require('@demo.localhost/count')

const name = process.argv.slice(2).join(' ') || 'Deedbox'
for (const language of languages) {
  const text = greet(name, language)
  console.log(`${language}  ${text}  (${letters(text)} letters, ${bytes(text)} bytes)`)
}
