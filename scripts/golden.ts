// Writes golden histories into test/histories/: `node scripts/golden.ts`. A history that is there is kept as it is, for it
// is what an old ledger looks like; `--overwrite NAME` replaces one, which only makes sense before it was released.
import { existsSync, writeFileSync } from 'node:fs'
import { lineOf, STORIES } from '../test/histories/stories.ts'

const args = process.argv.slice(2)
const overwrite = new Set(args.flatMap((arg, at) => (args[at - 1] === '--overwrite' ? [arg] : [])))
const unknown = [...overwrite].filter((name) => !(name in STORIES))
if (unknown.length > 0 || args.length !== overwrite.size * 2) {
  console.error(
    `Usage: node scripts/golden.ts [--overwrite NAME]...; histories: ${Object.keys(STORIES).join(', ')}`,
  )
  process.exit(2)
}

for (const [name, tell] of Object.entries(STORIES)) {
  const file = new URL(`../test/histories/${name}.ndjson`, import.meta.url)
  if (existsSync(file) && !overwrite.has(name)) {
    console.log(`${name}: kept`)
    continue
  }
  const rows = await tell()
  writeFileSync(file, rows.map((row) => `${lineOf(row)}\n`).join(''))
  console.log(`${name}: ${rows.length} events written`)
}
