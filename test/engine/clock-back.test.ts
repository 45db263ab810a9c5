// A wall clock that is set back, between two runs: positions are the order of things, whatever time they carry.
import { expect, test } from 'vitest'
import { stateAt } from '../../store/state/fold.ts'
import { bytesOf, Rig, WWID } from './rig.ts'

const HOUR_US = 3_600_000_000
const A = `path/${WWID}/8:0:0:0`

test('a wall clock set back by an hour: positions go on, the ledger verifies, and a time means the last that carries it', async () => {
  const first = await Rig.open({ checked: false })
  const a = await first.add('8:0:0:0')
  a.path.fail()
  await first.settle()
  const before = first.rows()
  const wallUs = first.clock.wallUs() - HOUR_US
  const bootId = 'after the battery was changed'
  const rig = await Rig.open({ rows: before, lun: first.lun, boot: { bootId, wallUs, monoUs: 0 } })
  const back = await rig.add('8:0:0:0')
  back.path.reinstate()
  await rig.write(0, bytesOf(1))
  await rig.settle()
  // Row after row, and what is written later carries an earlier time.
  const rows = rig.rows()
  expect(rows.map(({ position }) => position)).toEqual(rows.map((_row, at) => at + 1))
  const [last, old] = [rows.at(-1)!, before.at(-1)!]
  expect(last.recordedAtUs).toBeLessThan(old.recordedAtUs)
  // Asked for a time before it was set back, or for now, the ledger shows the newest that is not later: what holds now.
  for (const timeUs of [old.recordedAtUs, last.recordedAtUs]) {
    expect(rig.memory.positionAt(timeUs)).toBe(last.position)
    expect(stateAt(rig.memory, { timeUs }).streams[A]?.value).toMatchObject({ admin: 'enabled' })
  }
  // The time of the first run's beginning is nobody's any more but its own: nothing is older.
  expect(rig.memory.positionAt(rows[0]!.recordedAtUs - 2 * HOUR_US)).toBe(0)
  // By position the past is what it was.
  expect(stateAt(rig.memory, { position: before.length }).streams[A]?.value).toMatchObject({
    admin: 'disabled',
  })
})
