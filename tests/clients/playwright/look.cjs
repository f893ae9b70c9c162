// Drives Debian's Chromium: opens the registry's pages at several widths and in both colour schemes, uses the form as a person does,
// and prints what was seen as JSON. Judges nothing: tests/tests/page.rs does.
//
//   node look.cjs URL WORD PACKAGE SCREENSHOTS
'use strict'
const { chromium } = require('playwright-core')
const fs = require('fs')
const os = require('os')
const path = require('path')

const [url, word, packageId, shots] = process.argv.slice(2)
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

async function look (context, address, name, report, act) {
  const page = await context.newPage()
  const seen = { name, errors: [], elsewhere: [] }
  page.on('console', message => { if (['error', 'warning'].includes(message.type())) seen.errors.push(message.text()) })
  page.on('pageerror', error => seen.errors.push(String(error)))
  page.on('requestfailed', request => seen.errors.push(`${request.url()}: ${request.failure().errorText}`))
  page.on('request', request => { if (!request.url().startsWith(url) && !request.url().startsWith('data:')) seen.elsewhere.push(request.url()) })
  const response = await page.goto(address)
  seen.status = response.status()
  seen.headers = response.headers()
  if (act) await act(page)
  seen.address = page.url()
  Object.assign(seen, await page.evaluate(() => ({
    title: document.title,
    text: document.body.innerText,
    width: document.documentElement.clientWidth,
    scroll: document.documentElement.scrollWidth,
    background: getComputedStyle(document.body).backgroundColor,
    links: [...document.querySelectorAll('a')].map(link => link.getAttribute('href')),
    unlabelled: [...document.querySelectorAll('input, select')].filter(input => !input.labels.length).length
  })))
  await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true })
  report.push(seen)
  await page.close()
}

async function main () {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'chromium-'))
  const report = []
  try {
    for (const colorScheme of ['light', 'dark']) {
      for (const [width, height] of [[375, 667], [1280, 800]]) {
        const userDataDir = path.join(home, `${colorScheme}-${width}`)
        // Scripts are off: the pages have none and need none.
        const context = await chromium.launchPersistentContext(userDataDir, {
          executablePath: '/usr/bin/chromium', headless: true, args, colorScheme, viewport: { width, height }, javaScriptEnabled: false
        })
        const name = `${width}-${colorScheme}`
        await look(context, `${url}/`, `front-${name}`, report)
        await look(context, `${url}/`, `search-${name}`, report, async page => {
          // As with a keyboard: the field is found by its label, and Enter sends the form.
          await page.getByLabel('Words').focus()
          await page.keyboard.type(word)
          await Promise.all([page.waitForURL(/q=/), page.keyboard.press('Enter')])
        })
        await look(context, `${url}/?q=${word}`, `package-${name}`, report, async page => {
          await page.getByRole('link', { name: word }).first().click()
          await page.waitForURL(/packages/)
        })
        await look(context, `${url}/packages/${packageId}`, `hostile-${name}`, report)
        await look(context, `${url}/packages/npm:nobody.example/nothing`, `missing-${name}`, report)
        await context.close()
      }
    }
  } finally {
    fs.rmSync(home, { recursive: true, force: true })
  }
  console.log(JSON.stringify(report))
}

main().catch(error => { console.error(error); process.exit(1) })
