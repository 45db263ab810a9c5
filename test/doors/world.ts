// What the calls of the doors are made on: an engine with two paths, a ledger of its own on disk, devices, readers.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as main from '../../index.ts'
import { makeKeys, memoryStore, openLedgerReader, type FileReader } from '../../doors/ledger.ts'
import type { MemoryLun } from '../../adapters/paths/memory.ts'
import { ledgerFacts, systemPorts } from '../../engine/assemble.ts'

const WWID = 'naa.600140505200a986f0043c9afa1fd077'

/** Files that are only read, made once; and where new ones go. */
export interface Files {
  readonly folder: string
  readonly ledger: string
  readonly image: string
  readonly key: string
  readonly text: string
  /** A name that nobody has had. */
  fresh(): string
  remove(): void
}

/** A ledger with a few events, an image, a key. */
export async function makeFiles(): Promise<Files> {
  const folder = mkdtempSync(join(tmpdir(), 'pathledger-doors-'))
  const file = (name: string) => join(folder, name)
  const mp = await main.Multipath.open({
    ledger: file('mp.ledger'),
    lunFolder: file('luns'),
    multipath: 'always',
  })
  const lun = main.memoryLun({ wwid: WWID, sizeBytes: 1 << 20 })
  await mp.addPath(main.memoryPath(lun, { hctl: '8:0:0:0', clock: main.systemClock }))
  await mp.head(WWID).write({ offset: 0, data: new Uint8Array(512) })
  await mp.close()
  writeFileSync(file('image'), new Uint8Array(1 << 20))
  writeFileSync(file('fences'), '')
  makeKeys(file('key'))
  const reader = openLedgerReader(file('mp.ledger'))
  const text = [...main.exportLedger(reader)].join('')
  reader.close()
  let made = 0
  return {
    folder,
    ledger: file('mp.ledger'),
    image: file('image'),
    key: file('key'),
    text,
    fresh: () => file(`new-${(made += 1)}`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** A world that a call may break. */
export interface World {
  readonly files: Files
  readonly mp: main.Multipath
  readonly head: main.Head
  readonly path: main.Path
  readonly partition: main.Partition
  readonly plain: main.PlainDevice
  readonly reader: FileReader
  readonly lun: MemoryLun
  device(hctl?: string): ReturnType<typeof main.memoryPath>
  end(): Promise<void>
}

export async function makeWorld(files: Files): Promise<World> {
  const store = memoryStore(ledgerFacts(systemPorts()))
  const mp = await main.Multipath.open({ ledger: store, multipath: 'always', closeGraceMs: 1 })
  const lun = main.memoryLun({ wwid: WWID, sizeBytes: 1 << 20 })
  let last = 0
  const device = (hctl = `9:0:0:${(last += 1)}`) =>
    main.memoryPath(lun, {
      hctl,
      clock: main.systemClock,
      ioctl: () => ({ errno: null, value: 0, data: new Uint8Array(16) }),
    })
  const path = await mp.addPath(device('8:0:0:0'))
  const head = mp.head(WWID)
  const reader = openLedgerReader(files.ledger)
  return {
    files,
    mp,
    head,
    path,
    partition: head.partition({ start: 0, length: 4096 }),
    plain: main.plainDevice(device('7:0:0:0')),
    reader,
    lun,
    device,
    end: async () => {
      reader.close()
      await mp.close().catch(() => undefined)
    },
  }
}
