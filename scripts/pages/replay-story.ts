// What docs/replay.md tells: a night in which a cable went bad, on memory paths and a virtual clock, so that it is the same
// bytes every time.
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { VERSION, XSTATE_VERSION } from '../../engine/core/version.ts'
import { errorFilter, memoryLun, memoryPath, memoryStore, Multipath, VirtualClock } from '../../index.ts'

/** Tuesday, 24 November 2026, 03:07 UTC. */
const START = { wallUs: 1_795_489_620_000_000, monoUs: 5_000_000_000 }
const WWID = 'naa.600140505200a986f0043c9afa1fd077'
const BLOCK = 4096

/** Tells the story, and writes its ledger to a file. */
export async function writeStory(file: string): Promise<void> {
  const clock = new VirtualClock(START)
  let ids = 0
  const newId = () => `night-${String((ids += 1)).padStart(4, '0')}`
  const versions = { engine: VERSION, xstate: XSTATE_VERSION }
  const header = {
    eventId: newId(),
    recordedAtUs: START.wallUs,
    monoUs: START.monoUs,
    bootId: 'night',
    ...versions,
  }
  const store = memoryStore({ header })
  const drive = async <Value>(promise: Promise<Value>): Promise<Value> => {
    const state = { over: false }
    const watched = promise.finally(() => void (state.over = true))
    await clock.settle()
    while (!state.over && clock.runNext()) await clock.settle()
    return watched
  }
  const ports = {
    clock,
    newId,
    bootId: 'night',
    pid: 4711,
    allocate: (bytes: number) => new ArrayBuffer(bytes),
  }
  const settings = {
    multipath: 'always',
    iopolicy: 'round-robin',
    checker: { minMs: 5_000, maxMs: 60_000 },
  } as const
  const mp = await drive(Multipath.open({ ledger: store, ...settings, ports }))
  const lun = memoryLun({ wwid: WWID, sizeBytes: 64 * 1024 * 1024, logicalBlockBytes: BLOCK })
  const filters = ['8:0:0:0', '8:0:1:0', '9:0:0:0', '9:0:1:0'].map((hctl) => {
    return errorFilter(memoryPath(lun, { hctl, clock, latencyUs: 200 }))
  })
  for (const { path } of filters) await drive(mp.addPath(path))
  const head = mp.head(WWID)
  const write = (turn: number) =>
    drive(head.write({ offset: (turn % 1024) * BLOCK, data: new Uint8Array(BLOCK).fill(turn % 251) }))
  const pass = (ms: number) => clock.drain(clock.monoUs() + ms * 1000)
  for (let turn = 0; turn < 40; turn += 1) await write(turn)
  await pass(12_000)
  // The cable of adapter 8.
  for (const { control } of filters.slice(0, 2)) control.enable({ errno: 'ENOLINK' })
  for (let turn = 40; turn < 60; turn += 1) await write(turn)
  await pass(20_000)
  const ledger = LedgerFile.open(file, { header })
  for (const outcome of ledger.appendBatch([{ events: storeRows() }])) if (!outcome.ok) throw outcome.error
  ledger.close()

  function storeRows() {
    return store
      .rows()
      .slice(1)
      .map(({ position: _position, version: _version, hash: _hash, ...event }) => event)
  }
}
