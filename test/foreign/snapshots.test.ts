// What commands print of a moment: who is who, and what was failed when it was taken.
import { describe, expect, it } from 'vitest'
import { kernel, multipathd, shortIso, tell, type Said, type Told } from './night.ts'

const FAILS: readonly Said[] = [
  kernel(10, 'device-mapper: multipath: 253:4: Failing path 8:16.'),
  multipathd(10, 'sdb: mark as failed'),
]
const LEAF = '36000000000000000000000000000beef'

async function beside(snapshot: string, said: readonly Said[] = FAILS, name = 'snap'): Promise<Told> {
  const all = await tell({ [name]: `${snapshot}\n`, log: `${shortIso(said).join('\n')}\n` })
  const { lines, witness, context, noise, unread } = all.counts
  expect(witness! + context! + noise! + unread!).toBe(lines)
  expect(unread).toBe(0)
  return all
}

function failed({ facts }: Told): Record<string, unknown> | undefined {
  return facts.find(({ what }) => what === 'failed')?.subject
}

describe('a snapshot tells who a path of the log is', () => {
  it('multipath -ll, new and old', async () => {
    const now = [
      `leaf (${LEAF}) dm-4 ELM,Leaf`,
      "size=1.0G features='1 queue_if_no_path' hwhandler='1 alua' wp=rw",
      "|-+- policy='service-time 0' prio=50 status=active",
      '| `- 3:0:0:1 sdb 8:16 failed faulty running',
      "`-+- policy='service-time 0' prio=10 status=enabled",
      '  `- 4:0:0:1 sdc 8:32 active ready  running',
    ].join('\n')
    const all = await beside(now)
    expect(failed(all)).toMatchObject({
      map: 'leaf',
      wwid: `naa.${LEAF.slice(1)}`,
      hctl: '3:0:0:1',
      dev: 'sdb',
    })
    const stated = all.facts.filter(({ what }) => what === 'statedFailed')
    expect(stated).toMatchObject([
      {
        at: null,
        subject: { dev: 'sdb' },
        detail: { kernel: 'failed', checker: 'faulty', device: 'running' },
      },
    ])
    expect((await beside(now, FAILS, 'before.txt')).facts[0]?.detail).toMatchObject({ snapshot: 'before' })
    expect((await beside(now, FAILS, 'after.txt')).facts[0]?.detail).toMatchObject({ snapshot: 'after' })
    const old = [
      `leaf (${LEAF}) dm-4 ELM,Leaf`,
      "[size=1.0G][features='0'][hwhandler='0']",
      '\\_ round-robin 0 [prio=1][active]',
      ' \\_ 3:0:0:1 sdb 8:16 [active][ready]',
      ' \\_ #:#:#:# -   -:-  [failed][faulty]',
    ].join('\n')
    expect(failed(await beside(old))).toMatchObject({ map: 'leaf', hctl: '3:0:0:1' })
  })

  it('multipathd show paths, with columns as wide as they are', async () => {
    const table = [
      'uuid                              hcil    dev dev_t dm_st  chk_st dev_st  multipath',
      `${LEAF} 3:0:0:1 sdb 8:16  active ready  running leaf`,
      `${LEAF} 4:0:0:1 sdc 8:32  failed faulty offline leaf`,
      '                                  5:0:0:1 sdd 8:48  undef  undef  running [orphan]',
    ].join('\n')
    const all = await beside(table)
    expect(failed(all)).toMatchObject({ map: 'leaf', hctl: '3:0:0:1', wwid: `naa.${LEAF.slice(1)}` })
    expect(all.facts.filter(({ what }) => what === 'statedFailed')).toMatchObject([
      { subject: { dev: 'sdc' } },
    ])
  })

  it('multipathd show maps json, with adapters that tie a path to a link', async () => {
    const path = (dev: string, devt: string): object => ({
      ...{ dev, dev_t: devt, dm_st: 'active', dev_st: 'running', chk_st: 'ready', checker: 'tur' },
      ...{ host_adapter: '0000:0b:00.0', target_wwpn: '[undef]' },
    })
    const map = { name: 'leaf', uuid: LEAF, sysfs: 'dm-4', features: '0', queueing: 'off' }
    const groups = [{ paths: [path('sdb', '8:16')] }, { paths: [path('sdc', '8:32')] }]
    const whole = { ...map, path_groups: groups }
    const lost = [
      kernel(0, 'sd 3:0:0:1: [sdb] Attached SCSI disk'),
      kernel(9, 'qla2xxx [0000:0b:00.0]-500b:3: LOOP DOWN detected (2 7 0 0).'),
      ...FAILS,
      multipathd(11, 'leaf: remaining active paths: 0'),
    ]
    for (const printed of [{ maps: [whole] }, { map: whole }]) {
      const all = await beside(JSON.stringify(printed, null, 3), lost)
      expect(failed(all)).toMatchObject({ map: 'leaf', wwid: `naa.${LEAF.slice(1)}`, dev: 'sdb' })
      expect(all.answers.mapsWithoutPath).toMatchObject([{ io: 'failed', map: { dm: 'dm-4' } }])
    }
  })

  it('dmsetup, as a table and as a status', async () => {
    const table = 'leaf: 0 2097152 multipath 1 queue_if_no_path 0 1 1 service-time 0 2 1 8:16 1 8:32 1'
    const dark = [...FAILS, multipathd(11, 'leaf: remaining active paths: 0')]
    const all = await beside(table, dark)
    expect(failed(all)).toMatchObject({ map: 'leaf' })
    expect(all.answers.mapsWithoutPath).toMatchObject([{ io: 'queued' }])
    const status = 'leaf: 0 2097152 multipath 2 0 0 0 1 1 A 0 2 0 8:16 A 0 8:32 F 3 \nroot: 0 4096 linear '
    expect((await beside(status)).facts.find(({ what }) => what === 'statedFailed')?.subject).toMatchObject({
      ...{ dev: 'sdc', map: 'leaf' },
    })
  })

  it('nvme list-subsys, in JSON and as text', async () => {
    const paths = [
      {
        Name: 'nvme1',
        Transport: 'tcp',
        Address: 'traddr=192.0.2.9',
        State: 'live',
        ANAState: 'inaccessible',
      },
      { Name: 'nvme2', Transport: 'tcp', Address: 'traddr=192.0.2.8', State: 'live' },
    ]
    const system = { Name: 'nvme-subsys0', NQN: 'nqn.2031-01.net.elm:bark', Paths: paths }
    const lost = [
      kernel(10, 'nvme nvme1: starting error recovery'),
      kernel(10, 'block nvme0n1: no usable path - requeuing I/O'),
      kernel(30, 'nvme nvme1: Successfully reconnected (2 attempt)'),
    ]
    for (const printed of [[{ HostNQN: 'x', Subsystems: [system] }], { Subsystems: [system] }]) {
      const all = await beside(JSON.stringify(printed, null, 2), lost)
      expect(all.facts[0]).toMatchObject({ what: 'accessStated', detail: { access: 'unavailable' } })
      expect(all.answers.mapsWithoutPath).toMatchObject([{ seconds: 20, endedBy: 'lit' }])
    }
    const text = [
      'nvme-subsys0 - NQN=nqn.2031-01.net.elm:bark',
      '\\',
      ' +- nvme1 tcp traddr=192.0.2.9,trsvcid=4420 live optimized',
      ' +- nvme2 tcp traddr=192.0.2.8,trsvcid=4420 connecting inaccessible',
    ].join('\n')
    expect((await beside(text, lost)).facts.slice(0, 2).map(({ detail }) => detail!.access)).toEqual([
      ...['optimal', 'unavailable'],
    ])
  })

  it('iscsiadm, which alone ties a session to its disks', async () => {
    const session = [
      'Target: iqn.2031-01.net.elm:leaf (non-flash)',
      '\tCurrent Portal: 192.0.2.7:3260,1',
      '\t\tSID: 7',
      '\t\tHost Number: 3\tState: running',
      '\t\tscsi3 Channel 00 Id 0 Lun: 1',
      '\t\t\tAttached scsi disk sdb\t\tState: running',
    ].join('\n')
    const lost = [
      kernel(5, 'connection7:0: detected conn error (1020)'),
      kernel(9, 'session7: session recovery timed out after 4 secs'),
      kernel(
        10,
        'blk_update_request: I/O error, dev sdb, sector 8 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0',
      ),
      ...FAILS,
    ]
    const all = await beside(session, lost)
    const fact = all.facts.find(({ what }) => what === 'failed')
    expect(fact?.subject).toMatchObject({ hctl: '3:0:0:1', dev: 'sdb' })
    const errors = all.facts[fact?.cause ?? -1]
    expect(errors?.what).toBe('ioErrors')
    expect(all.facts[errors?.cause ?? -1]?.what).toBe('sessionTimedOut')
  })

  it('a list out of sysfs', async () => {
    const list =
      'sdb 3:0:0:1 dev=8:16 state=running access_state=active/optimized\nsdc 4:0:0:1 dev=8:32 state=offline '
    expect(failed(await beside(list))).toMatchObject({ hctl: '3:0:0:1', dev: 'sdb', devt: '8:16' })
  })

  it('one command again and again is a dated series', async () => {
    const one = (at: string, state: string): string =>
      `### 2026-07-05T08:0${at}Z dmsetup status\nleaf: 0 2097152 multipath 2 0 0 0 1 1 A 0 2 0 8:16 ${state} 0 8:32 A 0 `
    const all = await beside([one('0:05', 'A'), one('0:20', 'F'), one('0:40', 'F')].join('\n'), [])
    const stated = all.facts.filter(({ what }) => what === 'statedFailed')
    expect(stated).toMatchObject([
      { at: expect.stringContaining('08:00:20') as string, subject: { dev: 'sdb' } },
    ])
  })
})
