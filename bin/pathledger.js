#!/usr/bin/env node
// The command's first file. It is plain JavaScript of Node 12's age, and imports nothing before it has looked at the
// version, so that a Node too old for pathledger says so and does not stumble over syntax it cannot read.
const NEEDED_MAJOR = 22
const NEEDED_MINOR = 18
/** EX_SOFTWARE of sysexits.h: a bug of ours, not of the caller. */
const EXIT_BUG = 70

const [major, minor] = process.versions.node.split('.').map(Number)

if (major > NEEDED_MAJOR || (major === NEEDED_MAJOR && minor >= NEEDED_MINOR)) {
  process.on('uncaughtException', stopWithBug)
  run().catch(stopWithBug)
} else {
  process.stderr.write(
    `pathledger needs Node ${NEEDED_MAJOR}.${NEEDED_MINOR} or newer and found Node ${process.versions.node}: ` +
      'run `npx pathledger` inside a checkout after `npm ci` (which brings a newer one), ' +
      `or install Node >= ${NEEDED_MAJOR}.${NEEDED_MINOR}.\n`,
  )
  process.exitCode = 1
}

async function run() {
  const { existsSync } = await import('node:fs')
  // A checkout runs its sources, an installed package has none.
  const source = new URL('../cli/main.ts', import.meta.url)
  const built = new URL('../dist/cli/main.js', import.meta.url)
  const { main } = await import((existsSync(source) ? source : built).href)
  process.exitCode = await main(process.argv.slice(2))
}

/** As cli/text.ts, which may be what failed: an error may quote a name that would steer the terminal. */
function printable(text) {
  return text.replace(
    /[^\n\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function stopWithBug(error) {
  const isError = error instanceof Error
  process.stderr.write(
    printable(`pathledger stopped because of a bug of its own: ${isError ? error.message : error}\n`),
  )
  if (isError && error.stack) process.stderr.write(printable(`${error.stack}\n`))
  process.exit(EXIT_BUG)
}
