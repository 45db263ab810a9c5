// Every test file, and every program that it starts, has a machine of its own: none keeps anything for the real one, and no
// two meet in the storage of a LUN that both name alike.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'pathledger-state-'))
process.env['PATHLEDGER_STATE'] = folder
afterAll(() => rmSync(folder, { recursive: true, force: true }))
