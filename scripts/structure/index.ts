// `npm run structure`: the house in figures, beside what it was before its rooms; with `--json` one JSON document. Ends with 1
// where a figure is worse than it may be.
import { repositoryFiles } from '../../test/tidy/source.ts'
import { comparison, worse } from './comparison.ts'
import { structureOf } from './measures.ts'

const structure = structureOf(repositoryFiles())
const rows = comparison(structure)

if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ ...structure, comparison: rows }, null, 2))
} else {
  const width = Math.max(...rows.map(({ measure }) => measure.length))
  console.log(`${'measure'.padEnd(width)}  08ec7d0  at most     now`)
  for (const { measure, before, most, now } of rows) {
    const figures = [String(before).padStart(7), String(most ?? '').padStart(7), String(now).padStart(6)]
    console.log([measure.padEnd(width), ...figures].join('  '))
  }
  for (const [door, names] of Object.entries(structure.doors)) console.log(`${door}: ${names} names`)
}

for (const { measure, most, now } of worse(rows))
  console.error(`worse than it may be: ${measure} is ${now}, ${most} at the most`)
process.exitCode = worse(rows).length === 0 ? 0 : 1
