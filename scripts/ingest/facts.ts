// node scripts/ingest/facts.ts DIR...: reads case folders and prints what happened, one line of JSON each.
import { factsOfCase } from './cases.ts'

for (const folder of process.argv.slice(2)) {
  console.log(JSON.stringify(await factsOfCase(folder)))
}
