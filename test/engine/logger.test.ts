// The log is for people: a logger of pino is handed in as it is, and what it is told is its own to format.
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { memoryLun, memoryPath, memoryStore, Multipath, systemClock } from '../../index.ts'
import { HEADER } from '../store/events.ts'

test('a logger of pino hears why a device was not taken', async () => {
  const lines: string[] = []
  const logger = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) })
  const mp = await Multipath.open({ ledger: memoryStore({ header: HEADER }), multipath: 'always', logger })
  const lun = memoryLun({ wwid: 'naa.1', sizeBytes: 1 << 20 })
  const device = () => memoryPath(lun, { hctl: '8:0:0:0', clock: systemClock })
  await mp.addPath(device())
  await expect(mp.addPath(device())).rejects.toMatchObject({ code: 'PATH_DUPLICATE' })
  await mp.close()
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { level: 40, code: 'PATH_DUPLICATE', hctl: '8:0:0:0', msg: 'device not taken as a path' },
  ])
})
