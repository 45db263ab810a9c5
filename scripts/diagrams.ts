// `npm run diagrams` draws the machines into docs/. Without --write: says which drawing differs, and exits 1.
import { drawings } from './drawings.ts'
import { writeOrCheck } from './generated.ts'

writeOrCheck(drawings(), 'scripts/diagrams.ts', process.argv.slice(2))
