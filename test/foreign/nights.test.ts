// What a reader of a night is told: what, of whom, when, and from what.
import { describe, expect, it } from 'vitest'
import { shortIso, START_US, tell, type Said, type Told } from './night.ts'
import * as nights from './nights.ts'

type Short = [what: string, who: unknown, second: number, cause: string | null]

async function told(said: readonly Said[]): Promise<Told> {
  const all = await tell({ log: `${shortIso(said).join('\n')}\n` })
  const { lines, witness, context, noise, unread } = all.counts
  expect(witness! + context! + noise! + unread!).toBe(lines)
  expect(all.unread).toEqual([])
  return all
}

/** Facts in short, those of how the host began and counts of paths left out. */
function short({ facts }: Told): Short[] {
  return facts
    .map(({ what, subject: { dev, sid, ctrl, rport, map, nic, kind }, at, cause }): Short => {
      const who = dev ?? sid ?? ctrl ?? rport ?? map ?? nic ?? kind
      const second = (Date.parse(String(at)) - START_US / 1000) / 1000
      return [what, who, second, cause === null ? null : facts[cause]!.what]
    })
    .filter(([what, , second]) => second > 5 && what !== 'activePaths')
}

describe('on the way to a path', () => {
  it('a session that timed out comes from its connection, and only the times tie the card to it', async () => {
    const all = await told(nights.SESSIONS)
    expect(short(all)).toEqual([
      ['linkDown', 'ens2f1', 9, null],
      ['connError', 1, 14, null],
      ['sessionTimedOut', 1, 19, 'connError'],
      ['ioErrors', 'sdb', 19, null],
      ['failed', 'sdb', 19, 'ioErrors'],
      ['linkUp', 'ens2f1', 30, null],
      ['operational', 1, 32, null],
      ['checkerUp', 'sdb', 35, null],
      ['back', 'sdb', 35, 'checkerUp'],
    ])
    expect(all.answers.coincidences).toEqual([
      { of: 'linkDown ens2f1', with: 'connError session 1', seconds: 5 },
      { of: 'sessionTimedOut session 1', with: 'failed sdb', seconds: 0 },
    ])
    expect(all.answers.broughtBack).toMatchObject([{ subject: 'sdb', kind: 'transport' }])
    expect(all.explain).toContain('only the times link the two')
    expect(all.notKnown).toContain('which paths are of session 1: only the times say so')
  })

  it('each wider reset comes from the one before, and what is offline refuses I/O', async () => {
    const all = await told(nights.ESCALATION)
    expect(short(all)).toEqual([
      ['commandAborted', 'sdb', 10, null],
      ['deviceReset', 'sdb', 12, 'commandAborted'],
      ['busReset', 'adapter', 14, 'deviceReset'],
      ['hostReset', 'adapter', 16, 'busReset'],
      ['offlined', 'sdb', 18, 'hostReset'],
      ['ioRejected', 'sdb', 18, 'offlined'],
      ['failed', 'sdb', 18, 'ioRejected'],
      ['pathOffline', 'sdb', 20, null],
    ])
    expect(all.answers.unusable).toMatchObject([{ stillOut: true, secondsAtLeast: 2 }])
  })

  it('a remote port takes its disk with it, and another name is another path', async () => {
    const all = await told(nights.REMOTE_PORT)
    expect(short(all)).toEqual([
      ['rportLost', 'rport-3:0-2', 10, null],
      ['ioErrors', 'sdb', 10, null],
      ['failed', 'sdb', 10, 'ioErrors'],
      ['removed', 'sdb', 11, 'rportLost'],
      ['attached', 'sdf', 40, null],
      ['added', 'sdf', 41, null],
      ['tableLoaded', 'leaf', 41, null],
    ])
    expect(all.explain).toContain('its devices sdb were removed')
  })

  it('controllers of NVMe go and come: one is reconnected, one is given up', async () => {
    const all = await told(nights.CONTROLLERS)
    expect(short(all)).toEqual([
      ['timeout', 'nvme1', 10, null],
      ['errorRecovery', 'nvme1', 10, 'timeout'],
      ['keepAliveFailed', 'nvme1', 10, 'errorRecovery'],
      ['ioErrors', 'nvme0c1n1', 10, null],
      ['dark', 'nvme0n1', 10, 'errorRecovery'],
      ['reconnecting', 'nvme1', 10, null],
      ['reconnectFailed', 'nvme1', 20, null],
      ['reconnected', 'nvme1', 30, null],
      ['lit', 'nvme0n1', 30, 'reconnected'],
      ['connectivityLost', 'nvme2', 60, null],
      ['dark', 'nvme3n1', 60, 'connectivityLost'],
      ['gaveUp', 'nvme2', 120, 'connectivityLost'],
      ['ioFailed', 'nvme3n1', 120, 'dark'],
      ['removed', 'nvme2', 121, null],
    ])
    expect(all.answers.mapsWithoutPath).toMatchObject([
      { map: { map: 'nvme0n1' }, seconds: 20, io: 'queued', endedBy: 'lit' },
      { map: { map: 'nvme3n1' }, seconds: null, io: 'queuedThenFailed', endedBy: null },
    ])
  })
})

describe('of a map', () => {
  it('retries that are used up let I/O fail, and the first path that is back ends it', async () => {
    const all = await told(nights.RETRIES)
    expect(short(all).filter(([what]) => !what.startsWith('checker'))).toEqual([
      ['failed', 'sdb', 10, 'checkerDown'],
      ['failed', 'sdc', 12, 'checkerDown'],
      ['dark', 'leaf', 12, 'failed'],
      ['recoveryEntered', 'leaf', 12, 'dark'],
      ['hungTask', 'host', 20, 'dark'],
      ['queueingOff', 'leaf', 42, 'recoveryEntered'],
      ['ioFailed', 'leaf', 43, 'queueingOff'],
      ['back', 'sdb', 50, 'checkerUp'],
      ['lit', 'leaf', 50, 'back'],
      ['queueingOn', 'leaf', 50, 'back'],
      ['recoveryLeft', 'leaf', 50, 'back'],
      ['groupSwitched', 'leaf', 51, null],
      ['back', 'sdc', 55, 'checkerUp'],
    ])
    expect(all.answers.mapsWithoutPath).toMatchObject([{ seconds: 38, io: 'queuedThenFailed' }])
    expect(all.explain).toContain('I/O waited and was then failed')
  })

  it('a shutdown that leaves it without a path is told as that, and a boot ends what was open', async () => {
    const all = await told(nights.SHUTDOWN)
    expect(short(all)).toEqual(
      expect.arrayContaining([
        ['hostShutdown', 'host', 10, null],
        ['removeRefused', 'leaf', 10, null],
        ['daemonStopped', 'daemon', 10, 'hostShutdown'],
        ['sessionClosed', 1, 11, null],
        ['dark', 'leaf', 12, 'failed'],
        ['hungTask', 'host', 140, 'dark'],
        ['hostBooted', 'host', 300, null],
        ['clockStepped', 'host', 301, null],
        ['suppressed', 'log', 304, null],
      ]),
    )
    expect(all.answers.unusable).toMatchObject([
      { stillOut: false, spans: [{ endedBy: 'boot' }] },
      { stillOut: false, spans: [{ endedBy: 'boot' }] },
    ])
    expect(all.explain).toContain('it is the order of the shutdown')
    expect(all.explain).toContain('1532 lines were dropped')
  })
})

describe('of a path', () => {
  it('one sector through both paths is the volume behind them', async () => {
    const all = await told(nights.SECTOR)
    expect(all.answers.sameSectorOnAllPaths).toMatchObject([{ sector: 30576, paths: ['sdb', 'sdc'] }])
    expect(all.facts.find(({ what }) => what === 'ioErrors')?.detail).toMatchObject({
      sense: ['Medium Error', 'Unrecovered read error'],
    })
    expect(all.explain).toContain('Look at the volume')
  })

  it('one that answers its checker and fails I/O lies, until an operator takes it out', async () => {
    const all = await told(nights.LYING)
    expect(all.answers.lying).toEqual(['sdb'])
    expect(all.answers.flapping).toEqual([{ path: 'sdb', failures: 5, withinSeconds: 121 }])
    expect(all.facts.at(-1)).toMatchObject({ what: 'failed', detail: { by: 'operator' }, cause: null })
    expect(all.explain).toContain('until an operator failed it by hand')
  })

  it('it is held back, refused by a reservation, grown, and another LUN', async () => {
    const all = await told(nights.PATHS)
    expect(short(all)).toEqual([
      ['delayed', 'sdb', 10, null],
      ['steady', 'sdb', 20, null],
      ['marginal', 'sdb', 30, null],
      ['steady', 'sdb', 40, null],
      ['reservationConflict', 'sdc', 50, null],
      ['ioErrors', 'sdc', 50, 'reservationConflict'],
      ['ioFailed', 'leaf', 50, 'reservationConflict'],
      ['attention', 'sdb', 60, null],
      ['resized', 'sdb', 60, null],
      ['resized', 'leaf', 61, null],
      ['attention', 'sdc', 70, null],
      ['wwidChanged', 'sdc', 70, null],
      ['removed', 'sdc', 71, 'wwidChanged'],
    ])
    expect(all.facts.find(({ what }) => what === 'resized')?.detail).toEqual({
      ...{ from: 1_073_741_824, to: 2_147_483_648, unit: 'bytes' },
    })
  })

  it('an array that takes its port group out says so', async () => {
    const all = await told(nights.ACCESS)
    const states = all.facts.filter(({ what }) => what === 'accessState')
    expect(states.map(({ detail }) => [detail!.group, detail!.access])).toEqual([
      ...[
        [11, 'optimal'],
        [11, 'transitioning'],
        [11, 'unavailable'],
        [11, 'optimal'],
      ],
    ])
    expect(all.explain).toContain('out of service from 2026-07-05T08:00:20')
  })
})

describe('of who a path was', () => {
  it('is the LUN that it was, until the line that says otherwise', async () => {
    const all = await told(nights.PATHS)
    const wwids = all.facts.filter(({ subject }) => subject.dev === 'sdc').map(({ subject }) => subject.wwid)
    expect(new Set(wwids.slice(0, -1))).toEqual(new Set(['naa.6000000000000000000000000000beef']))
    expect(wwids.at(-1)).toBe('naa.6000000000000000000000000000cafe')
    expect(all.explain).not.toContain('did not answer')
  })

  it('a person who takes a lying path out brings nothing back', async () => {
    expect((await told(nights.LYING)).explain).toContain('4 times it was failed and, wrongly, brought back')
  })
})
