import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Multipath } from '../../index.ts'
import { documentIn, errorIn, makeFolder, removeFolder, run } from './harness.ts'

let folder = ''
const at = (name: string) => join(folder, name)

beforeAll(async () => {
  folder = makeFolder()
  const mp = await Multipath.open({ ledger: at('mp.ledger') })
  await mp.close()
})
afterAll(() => removeFolder(folder))

describe('a ledger as a whole', () => {
  it('is exported, imported and exported to the same bytes', async () => {
    const text = (await run('export', at('mp.ledger'))).stdout
    writeFileSync(at('mp.ndjson'), text)
    const imported = await run('import', at('mp.ndjson'), at('copy.ledger'), '--json')
    expect(imported.code).toBe(0)
    const { events, head } = documentIn(imported) as { events: number; head: string }
    expect(text.trimEnd().split('\n').at(-1)).toBe(JSON.stringify({ events, hash: head }))
    expect((await run('export', at('copy.ledger'))).stdout).toBe(text)
    writeFileSync(at('bad.ndjson'), text.replace('"engine"', '"nobody"'))
    const refused = await run('import', at('bad.ndjson'), at('no.ledger'), '--json')
    expect([refused.code, errorIn(refused).code, existsSync(at('no.ledger'))]).toEqual([
      5,
      'IMPORT_INVALID',
      false,
    ])
    expect(errorIn(await run('import', at('none.ndjson'), at('no.ledger'), '--json')).code).toBe('INPUT_IO')
  })

  it('has its head signed, and is compared with it', async () => {
    expect((await run('head', 'keygen', at('key'))).code).toBe(0)
    const signed = await run('head', 'sign', at('mp.ledger'), '--key', at('key'))
    writeFileSync(at('mp.head'), signed.stdout)
    const check = (file: string) =>
      run('head', 'verify', at(file), '--head', at('mp.head'), '--key', at('key.pub'), '--json')
    expect(documentIn(await check('mp.ledger'))).toMatchObject({ verdict: 'holds' })
    const other = await Multipath.open({ ledger: at('other.ledger') })
    await other.close()
    const foreign = await check('other.ledger')
    expect([foreign.code, documentIn(foreign).verdict]).toEqual([5, 'other ledger'])
  })

  it('is copied, repaired, and its caches are made, checked and deleted', async () => {
    expect((await run('backup', at('mp.ledger'), at('backup.ledger'))).stdout).toContain('chain ok')
    expect((await run('backup', at('mp.ledger'), at('backup.ledger'))).code).toBe(4)
    expect(await run('repair', at('mp.ledger'), at('repaired.ledger'))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('whole') as string,
    })
    for (const [option, stdout] of [
      ['--make', '0 snapshots'],
      ['--check', 'equal'],
      ['--drop', '0 snapshots'],
    ] as const) {
      expect(await run('snapshot', at('mp.ledger'), option)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining(stdout) as string,
      })
    }
    expect((await run('snapshot', at('mp.ledger'), '--make', '--drop')).code).toBe(2)
  })

  it('goes on in a segment, and is verified over the seam', async () => {
    expect((await run('segment', at('mp.ledger'), at('mp-2.ledger'))).code).toBe(0)
    const whole = await run('verify', at('mp-2.ledger'), '--segments', '--json')
    expect(whole.code).toBe(0)
    expect(documentIn(whole).segments).toMatchObject([{ chain: 'ok' }, { chain: 'ok' }])
    await expect(Multipath.open({ ledger: at('mp.ledger') })).rejects.toMatchObject({
      code: 'SEGMENT_CLOSED',
    })
    writeFileSync(at('mp.ledger'), readFileSync(at('copy.ledger')))
    const swapped = await run('verify', at('mp-2.ledger'), '--segments')
    expect(swapped.code).toBe(5)
    expect(swapped.stdout).toContain('another file, or another end')
  })
})
