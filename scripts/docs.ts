// `node scripts/docs.ts --write` makes the pages of docs/ that come from the code. Without it: says which differ.
import { writeOrCheck } from './generated.ts'
import { pages } from './pages/index.ts'

writeOrCheck(await pages(), 'scripts/docs.ts', process.argv.slice(2))
