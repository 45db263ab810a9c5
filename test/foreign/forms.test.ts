// The forms that lines come in beside the journal's: uevents, kmsg, dmesg, rotated files, two hosts in one file.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ingest, LOG_FILES } from '../../doors/ledger.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { shortIso, START_US, syslog, tell, type Said, type Told } from './night.ts'
import * as nights from './nights.ts'

async function told(lines: readonly string[], settings: Parameters<typeof tell>[1] = {}): Promise<Told> {
  const all = await tell({ log: `${lines.join('\n')}\n` }, settings)
  const { lines: count, witness, context, noise, unread } = all.counts
  expect(witness! + context! + noise! + unread!).toBe(count)
  return all
}

function whats({ facts }: Told): string[] {
  return facts.map(({ what }) => what)
}

const pathEvent = (at: string, action: string, valid: number): string[] => [
  `KERNEL[${at}] change   /devices/virtual/block/dm-4 (block)`,
  ...['ACTION=change', 'DEVPATH=/devices/virtual/block/dm-4', 'SUBSYSTEM=block', 'DEVTYPE=disk'],
  ...['DM_TARGET=multipath', `DM_ACTION=${action}`, 'DM_SEQNUM=3', 'DM_PATH=8:16', 'MAJOR=253', 'MINOR=4'],
  ...[`DM_NR_VALID_PATHS=${valid}`, 'DM_NAME=leaf', 'DM_UUID=mpath-36000000000000000000000000000beef', ''],
]
const disk = (at: string, action: string, way: string): string[] => [
  `KERNEL[${at}] ${action}      /devices/pci0000:00/host3/${way}/target3:0:0/3:0:0:1/block/sdb (block)`,
  `ACTION=${action}`,
  `DEVPATH=/devices/pci0000:00/host3/${way}/target3:0:0/3:0:0:1/block/sdb`,
  ...['SUBSYSTEM=block', 'DEVTYPE=disk', 'MAJOR=8', 'MINOR=16', ''],
]

describe('events of the kernel, as udev prints them', () => {
  it('tell path, map and wwid of a failure and of a return', async () => {
    const all = await told([
      ...disk('90.000000', 'add', 'rport-3:0-2'),
      ...pathEvent('100.000001', 'PATH_FAILED', 1),
      'UDEV  [100.100000] change   /devices/virtual/block/dm-4 (block)',
      ...['ACTION=change', 'DM_ACTION=PATH_FAILED', ''],
      ...pathEvent('130.000001', 'PATH_REINSTATED', 2),
      'KERNEL[140.000000] change   /devices/pci0000:00/host3/target3:0:0/3:0:0:1 (scsi)',
      ...['ACTION=change', 'DEVPATH=/devices/pci0000:00/host3/target3:0:0/3:0:0:1'],
      ...['SUBSYSTEM=scsi', 'SDEV_UA=CAPACITY_DATA_HAS_CHANGED', ''],
      'KERNEL[141.000000] change   /devices/pci0000:00/host3/target3:0:0/3:0:0:1 (scsi)',
      ...['SDEV_UA=SOMETHING_ELSE', ''],
      ...disk('150.000000', 'remove', 'session4'),
    ])
    const failed = all.facts.find(({ what }) => what === 'failed')
    expect(failed?.subject).toMatchObject({
      ...{
        map: 'leaf',
        wwid: 'naa.6000000000000000000000000000beef',
        devt: '8:16',
        dev: 'sdb',
        hctl: '3:0:0:1',
      },
    })
    expect(failed?.at).toBe(100.000001)
    expect(whats(all)).toEqual(expect.arrayContaining(['failed', 'back', 'attention']))
    expect(all.answers.unusable).toMatchObject([{ spans: [{ seconds: 30 }] }])
  })
})

describe('the kernel’s own log', () => {
  const FAILS = 'device-mapper: multipath: 253:4: Failing path 8:16.'

  it('as /dev/kmsg has it: a number that is missing is a gap, and the device stands beside', async () => {
    const all = await told([
      '4,100,90000000,-;sd 3:0:0:1: [sdb] Attached SCSI disk',
      ' SUBSYSTEM=scsi',
      ' DEVICE=+scsi:3:0:0:1',
      `4,101,100000000,-;${FAILS}`,
      `4,107,130000000,-,caller=T7;device-mapper: multipath: 253:4: Reinstating path 8:16.`,
      '12,108,130000001,-;moth: \\x0awords of a program',
    ])
    expect(all.facts.map(({ what, at }) => [what, at])).toEqual([
      ['attached', 90],
      ['failed', 100],
      ['back', 130],
    ])
    expect(all.notKnown.join('\n')).toMatch(/5/)
  })

  it.each([
    ['dmesg', `[  100.000001] ${FAILS}`],
    ['dmesg with callers', `[  100.000001][ T123] ${FAILS}`],
    ['dmesg -x', `kern  :warn  : [  100.000001] ${FAILS}`],
    ['dmesg -T', `[Sun Jul  5 08:00:10 2026] ${FAILS}`],
    ['dmesg iso', `2026-07-05T08:00:10,123456+00:00 ${FAILS}`],
    ['console', `kern: warning: [2026-07-05T08:00:10.123456789Z]: ${FAILS}`],
    ['rfc5424', `<4>1 2026-07-05T08:00:10.123Z elm kernel - - [a@1 b="\\]"] ${FAILS}`],
    ['short-unix', `1783238410.123456 elm kernel: ${FAILS}`],
    ['short-monotonic', `[  100.000001] elm kernel: ${FAILS}`],
    ['short-full', `Sun 2026-07-05 10:00:10 CEST elm kernel: ${FAILS}`],
    ['short-full of a zone with several meanings', `Sun 2026-07-05 10:00:10 IST elm kernel: ${FAILS}`],
    ['syslog with the kernel’s clock', `Jul  5 08:00:10 elm kernel: [  100.000001] ${FAILS}`],
    [
      'a container’s log',
      '2026-07-05T08:00:10.1Z stderr F Jul  5 08:00:10 elm multipathd[7]: sdb: mark as failed',
    ],
    ['multipath', '100.000001 | sdb: mark as failed'],
    ['multipath before 0.9', 'Jul 05 08:00:10 | sdb: mark as failed'],
  ])('is read as %s has it', async (_form, line) => {
    const all = await told([line], { nowUs: START_US + 86_400_000_000 })
    expect(all.facts).toMatchObject([{ what: 'failed', subject: { dev: 'sdb', devt: '8:16' } }])
    expect(all.unread).toEqual([])
  })
})

describe('files', () => {
  it('that are rotated and state no year are counted back over its end', async () => {
    const line = (day: string, text: string): string => `${day} elm kernel: device-mapper: multipath: ${text}`
    const all = await tell(
      {
        'messages.1': `${line('Dec 31 23:59:50', '253:4: Failing path 8:16.')}\n`,
        messages: `${line('Jan  1 00:00:20', '253:4: Reinstating path 8:16.')}\n`,
      },
      { zone: 'UTC', nowUs: Date.UTC(2027, 0, 2) * 1000 },
    )
    expect(all.facts.map(({ at }) => String(at).slice(0, 19))).toEqual([
      '2026-12-31T23:59:50',
      '2027-01-01T00:00:20',
    ])
    expect(all.answers.unusable).toMatchObject([{ spans: [{ seconds: 30 }] }])
  })

  it('of the journal begin with their zone, and mark where a boot begins', async () => {
    const all = await told([
      '-- Logs begin at Sun 2026-07-05 08:00:00 CEST, end at Sun 2026-07-05 12:00:00 CEST. --',
      'Jul 05 10:00:10 elm kernel: device-mapper: multipath: 253:4: Failing path 8:16.',
      '-- Reboot --',
      'Jul 05 10:00:40 elm kernel: Linux version 6.1.0-elm (moth@elm) (gcc version 12) #1 SMP',
    ])
    expect(all.facts.map(({ what, at }) => [what, String(at).slice(11, 19)])).toEqual([
      ['failed', '08:00:10'],
      ['hostBooted', '08:00:40'],
    ])
    expect(all.answers.unusable).toMatchObject([{ spans: [{ endedBy: 'boot' }] }])
  })

  it('of two hosts tell how far their clocks are apart, and nothing of one is the other’s', async () => {
    const at = (second: number, host: string, text: string): string =>
      shortIso([{ us: START_US + second * 1_000_000, program: 'kernel', text }])[0]!.replace('aspen', host)
    const [down, up] = ['Failing', 'Reinstating'].map(
      (word) => `device-mapper: multipath: 253:4: ${word} path 8:16.`,
    )
    const all = await told([
      ...[
        at(10, 'elm', down!),
        at(70, 'fir', down!),
        at(11, 'elm', 'x'),
        at(72, 'fir', up!),
        at(13, 'elm', up!),
      ],
    ])
    expect(all.facts.map(({ what, subject }) => [what, subject.host])).toEqual([
      ...[
        ['failed', 'elm'],
        ['back', 'elm'],
        ['failed', 'fir'],
        ['back', 'fir'],
      ],
    ])
    expect(JSON.stringify(all.answers)).toMatch(/"fir":(?:59|60)/)
  })

  it('of the journal may hold bytes, with their length before them', async () => {
    const message = Buffer.from('sdb: mark as failed\nand more', 'latin1')
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(message.length))
    const head = `__CURSOR=s=1\n__REALTIME_TIMESTAMP=${START_US}\n_HOSTNAME=elm\nSYSLOG_IDENTIFIER=multipathd\nMESSAGE\n`
    const all = await tell({ log: Buffer.concat([Buffer.from(head), length, message, Buffer.from('\n\n')]) })
    const { lines, witness, context, noise, unread } = all.counts
    expect(witness! + context! + noise! + unread!).toBe(lines)
    expect(all.facts.length + all.unread.length).toBe(1)
  })
})

describe('every night', () => {
  it('goes into a ledger that verifies, in its own order and beside a copy without year and zone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pathledger-nights-'))
    try {
      for (const [name, said] of Object.entries<readonly Said[]>(nights)) {
        const [log, copy, ledger] = ['log', 'copy', 'ledger'].map((end) => join(folder, `${name}.${end}`))
        writeFileSync(log!, `${shortIso(said).join('\n')}\n`)
        writeFileSync(copy!, `${syslog(said).join('\n')}\n`)
        const settings = { engine: '0', xstate: '0', lockedAtUs: 1, zone: 'UTC' }
        const { facts, events } = await ingest(ledger!, LOG_FILES, [log!, copy!], settings)
        expect(events, name).toBeGreaterThan(facts)
        expect(verifyLedger(ledger!), name).toMatchObject({ chain: 'ok', replay: 'equal' })
        expect(await ingest(ledger!, LOG_FILES, [copy!, log!], settings), name).toMatchObject({ events: 0 })
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
