// SPDK's multipath_status.sh: what `current connected accessible` is for each path while access states walk.
import { expect, test } from 'vitest'
import type { AccessState, IoPolicy } from '../../machines/words.ts'
import { Rig, type RigPath } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const STATES: Readonly<Record<string, AccessState>> = { o: 'optimal', n: 'active', i: 'unavailable' }
const HCTLS = ['8:0:0:0', '9:0:0:0'] as const

interface Row {
  readonly access: string
  readonly current: string
  readonly connected: string
  readonly accessible: string
}

// current, connected, accessible: the first figure is path 1's.
const ACTIVE_PASSIVE: readonly Row[] = [
  { access: 'oo', current: '10', connected: '11', accessible: '11' },
  { access: 'no', current: '01', connected: '11', accessible: '11' },
  { access: 'nn', current: '10', connected: '11', accessible: '11' },
  { access: 'ni', current: '10', connected: '11', accessible: '10' },
  { access: 'ii', current: '00', connected: '11', accessible: '00' },
  { access: 'io', current: '01', connected: '11', accessible: '01' },
]
const ACTIVE_ACTIVE: readonly Row[] = [
  { access: 'oo', current: '11', connected: '11', accessible: '11' },
  { access: 'no', current: '01', connected: '11', accessible: '11' },
  { access: 'nn', current: '11', connected: '11', accessible: '11' },
  { access: 'ni', current: '10', connected: '11', accessible: '10' },
]

test('scenario 8: active/passive (numa) over (o,o)(n,o)(n,n)(n,i)(i,i)(i,o)', async () => {
  await walk('numa', ACTIVE_PASSIVE)
})

test('scenario 8: active/active (round-robin) over (o,o)(n,o)(n,n)(n,i)', async () => {
  await walk('round-robin', ACTIVE_ACTIVE)
})

async function walk(iopolicy: IoPolicy, rows: readonly Row[]): Promise<void> {
  const rig = await Rig.open({ iopolicy })
  const paths = [await rig.add(HCTLS[0]), await rig.add(HCTLS[1])]
  const script: { position: number; access: string }[] = []
  const reads: Promise<Uint8Array>[] = []
  for (const row of rows) {
    paths.forEach((path, at) => path.path.setAccessState(stateOf(row.access[at])))
    await rig.settle()
    script.push({ position: rig.position, access: row.access })
    expect(await statusOf(rig, paths, reads), `${iopolicy} at (${row.access})`).toEqual(row)
  }
  // Nothing failed: what found no accessible path waited for one.
  await rig.drive(Promise.all(reads))
  expect(rig.head.counters).toMatchObject({ callerErrors: 0, failedNoPath: 0, resent: 0 })
  expect(rig.rows('path.failed')).toEqual([])
  expect(rig.head.counters.requeued > 0).toBe(rows.some(({ access }) => access === 'ii'))

  rig.expectReplayEqualsLive()
  for (const { position, access } of script) {
    const then = HCTLS.map((hctl) => rig.stateAt(position, hctl))
    const wanted = Array.from(access).map((letter) => ({
      device: 'running',
      access: stateOf(letter),
      health: 'online',
      admin: 'enabled',
    }))
    expect(then).toEqual(wanted)
    for (const [at, hctl] of HCTLS.entries()) {
      if (access[at] !== 'i') continue
      const stream = `path/${rig.lun.wwid}/${hctl}`
      expectExplained(rig.memory, { stream }, { kind: 'accessState', path: hctl }, position)
    }
  }
}

/** Current is who gets the next I/Os; connected says nothing of access; accessible is usable. */
async function statusOf(rig: Rig, paths: RigPath[], reads: Promise<Uint8Array>[]): Promise<Row> {
  const before = paths.map(({ ios }) => ios.length)
  for (let read = 0; read < 4; read += 1) {
    reads.push(rig.head.read({ offset: 512 * read, length: 512 }))
    await rig.pass(1)
  }
  const bits = (is: (path: RigPath, at: number) => boolean) =>
    paths.map((path, at) => (is(path, at) ? '1' : '0')).join('')
  const access = paths.map(({ path }) => letterOf(path.state.access)).join('')
  const current = bits(({ ios }, at) => ios.length > (before[at] ?? 0))
  const cached = bits(({ path }) => path.numaNodes.length > 0)
  // Under numa the cached path is the one that carries I/O (mpath_numa_nodes).
  if (rig.head.ioPolicy === 'numa') expect(cached, `cached at (${access})`).toBe(current)
  return {
    access,
    current,
    connected: bits(({ path }) => path.state.device === 'running' && path.state.health === 'online'),
    accessible: bits(({ path }) => path.usable),
  }
}

function stateOf(letter: string | undefined): AccessState {
  return STATES[letter ?? ''] ?? 'offline'
}

function letterOf(state: AccessState): string {
  return Object.entries(STATES).find(([, of]) => of === state)?.[0] ?? '?'
}
