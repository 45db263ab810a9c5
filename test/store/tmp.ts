// A folder per test, gone afterwards.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'

/** Registers the clean-up for the calling file and gives a function that names a file in a fresh folder. */
export function tempFiles(): (name?: string) => string {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  })
  return (name = 'test.ledger') => {
    const folder = mkdtempSync(join(tmpdir(), 'pathledger-store-'))
    folders.push(folder)
    return join(folder, name)
  }
}
