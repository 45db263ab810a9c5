// A host that is watched, in virtual time: what is on the ledger of what it said, what it did not say, and of who did not look.
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLedgerReader } from '../../doors/ledger.ts'
import { HELD_MAX } from '../../observe/observer.ts'
import { observe, type ObserveOptions, type Watching, type World } from '../../observe/run.ts'
import { STALL_US } from '../../observe/stalls.ts'
import { VirtualClock } from '../../adapters/virtual-clock.ts'
import type { StoredEvent } from '../../store/types.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { documentIn, makeFolder, recordStory, removeFolder, run } from '../cli/harness.ts'

let folder = ''
beforeEach(() => void (folder = makeFolder()))
afterEach(() => removeFolder(folder))

const SECOND_US = 1_000_000

/** A host whose every word is a test's. */
class Host {
  readonly clock = new VirtualClock()
  readonly files = new Map<string, string>()
  readonly links = new Map<string, string>()
  records: string[] = []
  events: ReadonlyMap<string, string>[] = []
  lost = { kmsg: false, uevents: false }
  seq = 100
  entry: (json: string) => void = () => undefined
  ended: (why: string) => void = () => undefined
  journalFrom: (string | null)[] = []
  maps: { text: string | null; why: string } = { text: null, why: 'ENOENT' }
  closed = 0
  boot = 'b'.repeat(32)

  world(more: Partial<World> = {}): World {
    return {
      ...{ host: 'aspen', boot: this.boot, deviceUnder: () => null },
      now: () => ({ us: this.clock.wallUs(), monoUs: this.clock.monoUs() }),
      setTimer: (at, run) => this.clock.setTimer(at, run),
      sysfs: {
        text: (path) => this.files.get(path) ?? null,
        target: (path) => this.links.get(path) ?? null,
        names: (path) => [
          ...new Set(
            [...this.files.keys(), ...this.links.keys()].flatMap((key) =>
              key.startsWith(`${path}/`) ? [key.slice(path.length + 1).split('/')[0]!] : [],
            ),
          ),
        ],
      },
      openKmsg: () => ({ take: () => this.#kmsg(), close: () => void (this.closed += 1) }),
      openUevents: () => ({ take: () => this.#uevents(), close: () => void (this.closed += 1) }),
      followJournal: (after, heard) => {
        this.journalFrom.push(after)
        this.entry = heard.entry
        this.ended = heard.ended
        return () => void (this.closed += 1)
      },
      askMaps: () => Promise.resolve(this.maps),
      ...more,
    }
  }

  #kmsg(): { records: readonly string[]; lost: boolean } {
    const taken = { records: this.records.splice(0), lost: this.lost.kmsg }
    this.lost.kmsg = false
    return taken
  }

  #uevents(): { events: readonly ReadonlyMap<string, string>[]; lost: boolean } {
    const taken = { events: this.events.splice(0), lost: this.lost.uevents }
    this.lost.uevents = false
    return taken
  }

  kernel(text: string, device?: string): void {
    this.seq += 1
    const more = device === undefined ? '' : `\n SUBSYSTEM=scsi\n DEVICE=+scsi:${device}`
    this.records.push(`4,${this.seq},${this.clock.monoUs()},-;${text}${more}`)
  }

  multipathd(text: string, cursor = `s=1;i=${this.seq}`): void {
    this.entry(
      JSON.stringify({
        ...{ __CURSOR: cursor, __REALTIME_TIMESTAMP: String(this.clock.wallUs()), _HOSTNAME: 'aspen' },
        ...{ SYSLOG_IDENTIFIER: 'multipathd', _TRANSPORT: 'stdout', MESSAGE: text },
      }),
    )
  }

  disk(name: string, devt: string, hctl: string): void {
    this.files.set(`block/${name}/dev`, devt)
    this.files.set(`block/${name}/device/state`, 'running')
    this.files.set(`block/${name}/stat`, '10 0 80 5 20 0 160 9 0 9 14 0 0 0 0 2 1')
    this.files.set(`block/${name}/inflight`, '0 0')
    this.links.set(`block/${name}/device`, `../../devices/pci/host1/target/${hctl}`)
  }

  map(): void {
    this.disk('sda', '8:0', '1:0:0:7')
    this.disk('sdb', '8:16', '2:0:0:7')
    this.files.set('block/dm-2/dev', '253:2')
    this.files.set('block/dm-2/dm/name', 'mpatha')
    this.files.set('block/dm-2/dm/uuid', 'mpath-36001405aaaaaaaaaaaaaaaaaaaaaaaaa')
    this.files.set('block/dm-2/slaves/sda', '')
    this.files.set('block/dm-2/slaves/sdb', '')
    this.files.set('block/dm-2/stat', '0 0 0 0 0 0 0 0 0 0 0')
    this.files.set('block/dm-2/inflight', '0 0')
  }

  async seconds(count: number): Promise<void> {
    for (let n = 0; n < count * 4; n += 1) {
      this.clock.advanceBy(SECOND_US / 4)
      await Promise.resolve()
    }
  }
}

const LEDGER = (): string => join(folder, 'o.ledger')

async function begin(
  host: Host,
  options: Partial<ObserveOptions> = {},
  more: Partial<World> = {},
): Promise<Watching> {
  const watching = observe(LEDGER(), host.world(more), { engine: '0', xstate: '0', ...options })
  for (let n = 0; n < 5; n += 1) await Promise.resolve()
  return watching
}

function rows(type?: string): (StoredEvent & { said: Record<string, unknown> })[] {
  const reader = openLedgerReader(LEDGER())
  try {
    return reader
      .read(type === undefined ? {} : { type })
      .map((row) => ({ ...row, said: JSON.parse(row.data) }))
  } finally {
    reader.close()
  }
}

describe('what a host says', () => {
  it('becomes the same events as its files would, with names that sysfs gives', async () => {
    const host = new Host()
    host.map()
    const told: string[] = []
    const watching = await begin(host, { onRows: (all) => told.push(...all.map(({ type }) => type)) })
    await host.seconds(2)
    host.kernel('device-mapper: multipath: 253:2: Failing path 8:0.')
    host.multipathd('sda: mark as failed')
    host.multipathd('mpatha: remaining active paths: 1', 's=1;i=x')
    await host.seconds(10)
    host.multipathd('mpatha: sda - tur checker reports path is up')
    host.kernel('device-mapper: multipath: 253:2: Reinstating path 8:0.')
    host.multipathd('8:0: reinstated')
    host.kernel('sd 2:0:0:7: Power-on or device reset occurred', '2:0:0:7')
    host.kernel('no words that anybody knows of multipath: 1', '2:0:0:7')
    host.multipathd('mpatha: nobody has seen this wording')
    await host.seconds(3)
    watching.stop()
    await watching.ended
    const [failed] = rows('path.failed')
    expect(failed).toMatchObject({
      stream: 'path/naa.6001405aaaaaaaaaaaaaaaaaaaaaaaaa/1:0:0:7',
      actor: 'observed:kernel',
      bootId: host.boot,
      said: { map: 'mpatha', seen: { source: 1, line: 101 } },
    })
    expect(rows('path.reinstated')).toMatchObject([{ actor: 'observed:kernel' }])
    expect(rows('path.attentionHeard')).toMatchObject([{ said: { hctl: '2:0:0:7' } }])
    expect(rows('source.unread').map(({ said }) => said['text'])).toContainEqual(
      expect.stringContaining('nobody has seen'),
    )
    expect(rows('source.closed').map(({ said }) => said['lines'])).toHaveLength(5)
    expect(told).toContain('path.failed')
    expect(host.closed).toBe(3)
    expect(verifyLedger(LEDGER())).toMatchObject({ chain: 'ok', replay: 'equal' })
    const unusable = documentIn(await run('audit', 'unusable', LEDGER(), '--json')).rows
    expect(unusable).toMatchObject([{ name: 'sda (1:0:0:7) of mpatha', ended: 'back' }])
  })

  it('is heard in uevents and by multipathd too', async () => {
    const host = new Host()
    host.maps = {
      why: '',
      text: JSON.stringify({
        maps: [
          {
            name: 'mpathq',
            uuid: '36001405bbbbbbbbbbbbbbbbbbbbbbbbb',
            sysfs: 'dm-5',
            features: '0',
            path_groups: [
              { paths: [{ dev: 'sdd', dev_t: '8:48', dm_st: 'active', chk_st: 'ready', dev_st: 'running' }] },
            ],
          },
        ],
      }),
    }
    const watching = await begin(host)
    await host.seconds(2)
    const event = {
      ACTION: 'change',
      DEVPATH: '/devices/virtual/block/dm-5',
      SUBSYSTEM: 'block',
      MAJOR: '253',
      MINOR: '5',
    }
    const more = { DM_TARGET: 'multipath', DM_ACTION: 'PATH_FAILED', DM_PATH: '8:48', DM_NAME: 'mpathq' }
    host.events.push(new Map(Object.entries({ ...event, ...more })), new Map([['ACTION', 'add']]))
    await host.seconds(4)
    watching.stop()
    expect(rows('path.failed')).toMatchObject([
      { said: { dev: 'sdd', map: 'mpathq', wwid: 'naa.6001405bbbbbbbbbbbbbbbbbbbbbbbbb' } },
    ])
  })
})

describe('what no line says', () => {
  it('I/O that stands still is told with the time since when, and when it goes on', async () => {
    const host = new Host()
    host.map()
    const watching = await begin(host)
    await host.seconds(3)
    for (const name of ['sda', 'dm-2']) host.files.set(`block/${name}/inflight`, '0 3')
    const since = host.clock.wallUs()
    await host.seconds(STALL_US / SECOND_US + 4)
    for (const name of ['sda', 'dm-2'])
      host.files.set(`block/${name}/stat`, '11 0 80 5 20 0 160 9 0 9 14 0 0 0 0 2 1')
    await host.seconds(5)
    watching.stop()
    const [stalled] = rows('path.stalled')
    expect(stalled).toMatchObject({ stream: expect.stringContaining('/1:0:0:7'), said: { inflight: 3 } })
    expect(Math.abs(Number(stalled!.said['sinceUs']) - since)).toBeLessThanOrEqual(SECOND_US)
    expect(rows('head.stalled')).toMatchObject([{ said: { map: 'mpatha' } }])
    expect(Number(rows('path.movedAgain')[0]!.said['stoodUs'])).toBeGreaterThanOrEqual(STALL_US)
    expect(rows('head.movedAgain')).toHaveLength(1)
  })

  it('a device without I/O, and one that is slow, do not stand still', async () => {
    const host = new Host()
    host.disk('sda', '8:0', '1:0:0:7')
    const watching = await begin(host)
    for (let n = 0; n < 8; n += 1) {
      host.files.set('block/sda/inflight', '1 0')
      host.files.set('block/sda/stat', `${n} 0 80 5 20 0 160 9 0 9 14`)
      await host.seconds(4)
    }
    host.files.set('block/sda/inflight', '0 0')
    await host.seconds(20)
    watching.stop()
    expect(rows('path.stalled')).toEqual([])
  })

  it('states of devices, access and ways are polled: what changed is told once', async () => {
    const host = new Host()
    host.disk('sda', '8:0', '1:0:0:7')
    host.files.set('class/nvme/nvme0/state', 'live')
    host.files.set('class/nvme/nvme0/nvme0c0n1/ana_state', 'optimized')
    host.files.set('class/fc_remote_ports/rport-1:0-2/port_state', 'Online')
    host.files.set('class/iscsi_session/session3/state', 'FAILED')
    const watching = await begin(host)
    await host.seconds(6)
    host.files.set('class/nvme/nvme0/nvme0c0n1/ana_state', 'inaccessible')
    host.files.set('block/sda/device/state', 'transport-offline')
    host.files.set('block/sda/device/access_state', 'standby')
    host.files.delete('class/fc_remote_ports/rport-1:0-2/port_state')
    await host.seconds(20)
    watching.stop()
    expect(
      rows('path.stateStated').map(({ said }) => [said['device'] ?? said['access'], said['was'] ?? null]),
    ).toEqual([
      ['transportOffline', 'running'],
      ['standby', null],
    ])
    expect(
      rows('port.known').map(({ stream, said }) => [stream, said['state'], said['was'] ?? null]),
    ).toEqual([
      ['port/session/3', 'FAILED', null],
      ['port/ctrl/nvme0', 'nvme0c0n1 inaccessible', 'optimized'],
      ['port/rport/1:0-2', 'gone', 'Online'],
    ])
  })
})

describe('gaps', () => {
  it('what was overwritten, dropped or could not be read is on the ledger', async () => {
    const host = new Host()
    const watching = await begin(host, {}, { openUevents: () => 'EPROTONOSUPPORT' })
    await host.seconds(2)
    host.lost.kmsg = true
    host.kernel('sd 1:0:0:7: Power-on or device reset occurred')
    await host.seconds(1)
    host.seq += 7
    host.kernel('sd 1:0:0:7: Power-on or device reset occurred')
    host.ended('No journal files were found.')
    await host.seconds(70)
    watching.stop()
    const gaps = rows('source.gap').map(({ said }) => [said['why'], said['count']])
    expect(gaps).toEqual([
      ['it cannot be read: EPROTONOSUPPORT', null],
      ['it does not answer: ENOENT', null],
      ['the kernel overwrote records before they were read', null],
      ['it cannot be followed: No journal files were found.', null],
      ['records of the kernel are missing', 7],
    ])
    expect(host.journalFrom).toEqual([null, null])
  })

  it('between two watches nothing is known, and the second goes on where the lines were left', async () => {
    const host = new Host()
    host.map()
    const dead = await begin(host)
    await host.seconds(2)
    host.kernel('device-mapper: multipath: 253:2: Failing path 8:0.')
    host.multipathd('mpatha: remaining active paths: 1', 's=1;i=last')
    await host.seconds(4)
    dead.stop()
    const reader = openLedgerReader(LEDGER())
    const last = reader.head().events
    reader.close()
    await host.seconds(60)
    host.records = [`4,101,1,-;device-mapper: multipath: 253:2: Failing path 8:0.`]
    host.kernel('device-mapper: multipath: 253:2: Failing path 8:16.')
    const again = await begin(host)
    await host.seconds(4)
    again.stop()
    expect(host.journalFrom).toEqual([null, 's=1;i=last'])
    const later = rows().filter(({ position }) => position > last)
    expect(later.filter(({ type }) => type === 'source.opened').map(({ stream }) => stream)).toEqual(
      [6, 7, 8, 9, 10].map((number) => `source/${number}`),
    )
    expect(later.find(({ type }) => type === 'source.gap')!.said['why']).toMatch(/^nobody watched/)
    expect(rows('path.failed').map(({ said }) => said['dev'])).toEqual(['sda', 'sdb'])
    expect(verifyLedger(LEDGER())).toMatchObject({ chain: 'ok', replay: 'equal' })
  })

  it('facts that come faster than the disk takes them are a gap, not memory', async () => {
    const host = new Host()
    host.map()
    const watching = await begin(host)
    await host.seconds(2)
    for (let n = 0; n < HELD_MAX + 500; n += 1)
      host.multipathd(`mpatha: remaining active paths: ${1 + (n % 2)}`, `s=1;i=${n}`)
    await host.seconds(6)
    watching.stop()
    expect(rows('source.gap').map(({ said }) => said['why'])).toContainEqual(
      expect.stringContaining('facts were dropped'),
    )
  })
})

describe('where it may not, and where it ends', () => {
  it('refuses a ledger on a map that it watches, through volumes and partitions', async () => {
    const host = new Host()
    host.map()
    host.links.set('dev/block/253:9', '../../devices/virtual/block/dm-9')
    host.files.set('block/dm-9/slaves/dm-2p1', '')
    host.files.set('class/block/dm-2p1/dev', '259:1')
    host.links.set('dev/block/259:1', '../../devices/virtual/block/dm-2/dm-2p1')
    host.files.set('dev/block/259:1/partition', '1')
    await expect(begin(host, {}, { deviceUnder: () => '253:9' })).rejects.toMatchObject({
      code: 'OBSERVE_OWN_DISK',
    })
    const told = await begin(host, { evenOnWatched: true }, { deviceUnder: () => '253:9' })
    told.stop()
    host.links.set('dev/block/8:32', '../../devices/block/sdc')
    const fine = await begin(host, {}, { deviceUnder: () => '8:32' })
    fine.stop()
    host.links.set('dev/block/259:5', '../../devices/virtual/block/nvme0n1')
    host.links.set('block/nvme0n1/device', '../../nvme-subsystem/nvme-subsys0')
    await expect(begin(host, {}, { deviceUnder: () => '259:5' })).rejects.toMatchObject({
      code: 'OBSERVE_OWN_DISK',
    })
  })

  it('refuses the ledger of an engine, and one that somebody else writes', async () => {
    await recordStory(LEDGER())
    const host = new Host()
    await expect(begin(host)).rejects.toMatchObject({ code: 'LEDGER_NOT_OBSERVED' })
  })

  it('one look is one look', async () => {
    const host = new Host()
    host.map()
    host.files.set('block/sdb/device/state', 'offline')
    const watching = await begin(host, { once: true })
    await watching.ended
    watching.stop()
    expect(host.journalFrom).toEqual([])
    expect(rows('path.stateStated')).toMatchObject([{ said: { dev: 'sdb', device: 'offline' } }])
    expect(rows('source.closed')).toHaveLength(5)
  })

  it('a ledger that takes no more ends it with the error', async () => {
    const host = new Host()
    host.map()
    const watching = await begin(host, {
      onRows: (all) => {
        if (all.some(({ type }) => type === 'path.failed')) throw new Error('no room')
      },
    })
    await host.seconds(1)
    host.kernel('device-mapper: multipath: 253:2: Failing path 8:0.')
    const ended = expect(watching.ended).rejects.toThrow('no room')
    await host.seconds(4)
    await ended
    expect(rows('source.closed')).toEqual([])
    const again = await begin(new Host())
    again.stop()
    // Who ended without a word is closed by who comes next.
    const closed = rows('source.closed').map(({ stream, said }) => [stream, said['ended'] !== undefined])
    expect(closed.filter(([, unclosed]) => unclosed)).toEqual(
      [1, 2, 3, 4, 5].map((number) => [`source/${number}`, true]),
    )
  })
})
