// node scripts/ingest/facts.ts DIR...: reads case folders, or folders of them, and prints what happened, one line of JSON each.
import { caseFolders, factsOfCase } from './cases.ts'

for (const folder of caseFolders(process.argv.slice(2))) {
  console.log(JSON.stringify(await factsOfCase(folder)))
}
