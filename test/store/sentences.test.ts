// What an explanation says: each event in a sentence, what a chain of causes comes to, and what to do about it.
import { describe, expect, test } from 'vitest'
import { History, regionOf } from '../../store/explain/history.ts'
import type { Told } from '../../store/explain/history.ts'
import { whatToDo } from '../../store/explain/advice.ts'
import { adviceOf } from '../../store/explain/layers.ts'
import { NOTHING, rootOf } from '../../store/explain/root.ts'
import { say } from '../../store/explain/sentences.ts'
import { memoryStore } from '../../store/write/memory-store.ts'
import { HEADER, PATH_A } from './events.ts'

describe('an explanation of what seldom happens', () => {
  const store = memoryStore({ header: HEADER })
  const history = new History(store, 1)
  const told = (type: string, data: object, more: object = {}): Told =>
    ({
      ...{ position: 2, stream: PATH_A, type, data, context: {}, actor: 'engine', reason: null, cause: null },
      ...{ decision: { state: {} } },
      ...more,
    }) as unknown as Told
  const says = (type: string, data: object, more: object = {}) => say(told(type, data, more), history)
  const flush = { op: 'flush', offset: 0, length: 0, errno: null, status: 'IOERR' }

  test.each([
    ['path.suspected', flush, 'answered a flush with a short completion (IOERR)'],
    [
      'path.suspected',
      { ...flush, op: 'read', length: 512, status: 'TIMEOUT' },
      'did not answer a read of 512 bytes',
    ],
    ['path.failed', { verdict: 'new', detail: null, errors: 1 }, 'failed: new; 1 error by then.'],
    ['path.probeFailed', { errno: null, detail: 'nobody is there' }, 'failed: nobody is there.'],
    ['head.lossChanged', { to: 'other' }, 'other of'],
    ['head.lossChanged', { to: 'none', why: 'it came back' }, 'There is a usable path again of'],
    ['head.pathPreferred', { path: null }, 'No path of'],
    ['head.pathPreferred', { path: 'sda:1' }, 'sda:1 is preferred'],
    ['lun.ghostsOpened', { ghosts: 'x', path: 'a', reason: 'new' }, '0 attempts on a may still land: new.'],
    ['lun.ghostsEnded', { ids: null, proof: 'time' }, '0 ghosts over, by time.'],
    ['lun.ghostsEnded', { ids: ['g'], proof: 'fence' }, '1 ghost over, by fence.'],
    [
      'lun.bioPoisoned',
      { paths: 'a', evidence: flush },
      'a are healthy, and refused the same I/O in the same way',
    ],
    ['lun.senseReceived', { path: 'a', key: 6, asc: 42, ascq: 6 }, '(0x06/0x2a/0x06)'],
    ['reservation.adopted', { state: { holder: null, type: null } }, 'nobody holds one.'],
    ['reservation.adopted', { state: { holder: { initiator: 'h1' }, type: 'WE' } }, 'h1 holds WE.'],
    ['engine.started', { unclean: true }, 'after a run that ended without closing'],
    ['engine.started', {}, 'The engine started.'],
    ['path.ofTomorrow', { why: 'tomorrow' }, 'path.ofTomorrow of'],
    ['path.ofTomorrow', { why: 7 }, `path.ofTomorrow of ${PATH_A}.`],
    ['path.cleared', { errors: 2, resent: 3 }, "not the path's (2 errors, 3 sent again)."],
    ['path.cleared', { errors: 1, resent: 1 }, '(1 error, 1 sent again)'],
    ['path.probeSucceeded', {}, 'succeeded: it was reinstated.'],
    ['path.sampled', { reads: 9, errors: 1, slow: 4 }, `9 samples of ${PATH_A}: 1 error, 4 slow.`],
    ['path.becameSteady', { why: 'no slow sample' }, 'works well again: no slow sample.'],
    ['path.failedBack', {}, 'takes its I/O again.'],
    ['path.overrideEnded', {}, 'is disabled again, as its operator wants.'],
    ['path.goingAway', { why: 'the slot button' }, 'is going away: the slot button.'],
    ['path.rulesSet', {}, 'got the rules for its health.'],
    ['path.checkPassed', {}, `A check of ${PATH_A} found it well.`],
    ['path.found', {}, 'A device was found for'],
    ['path.unblocked', {}, 'The transport lets the I/O of'],
    ['path.quiesced', {}, 'was quiesced.'],
    ['path.resumed', {}, 'was resumed.'],
    ['path.transportWentOffline', { why: 'no link' }, `The transport to ${PATH_A} is gone: no link.`],
    ['path.cameOnline', {}, 'is back online.'],
    ['path.added', { kind: 'loop', device: '/dev/loop1' }, 'was added, loop /dev/loop1.'],
    ['path.returned', {}, 'was attached again after a restart: the same device.'],
    ['path.forgotten', { why: 'its head is gone' }, 'was given up after a restart: its head is gone.'],
    ['path.enabled', {}, 'was enabled again.'],
    [
      'path.fenced',
      { detail: 'nbd-fence: killed 17' },
      'was fenced: nbd-fence: killed 17. It must be attached again.',
    ],
    ['head.recovered', { lost: 1 }, 'was restored after a restart, with 1 path to be attached again.'],
    [
      'head.lostPathsChanged',
      { usable: 1, paths: 2, lost: 3 },
      'had 1 of 2 paths usable from here on, and 3 still lost.',
    ],
    ['head.created', {}, 'was made.'],
    ['head.published', {}, 'became visible.'],
    ['head.resized', { toBytes: 4096 }, 'grew to 4096 bytes.'],
    ['head.closed', {}, 'was closed.'],
    ['head.drained', { why: 'its operator asked' }, 'was ended: its operator asked.'],
    ['lun.pathGrouped', { path: 'a', group: 7 }, 'a uses target port group 7.'],
    ['lun.reportFailed', { why: 'sense 6/42/6' }, "about the target's port groups: sense 6/42/6."],
    ['lun.groupsForgotten', { why: 'a reset' }, 'was forgotten: a reset.'],
    ['reservation.asked', { action: 'register', key: '0xa1' }, 'about to ask register of the storage of'],
    ['reservation.commanded', { action: 'reserve', key: '0xa1' }, 'was done: reserve with key 0xa1.'],
    ['engine.ledgerDegraded', { why: 'the disk is full' }, 'stopped taking events: the disk is full.'],
    ['engine.ledgerRecovered', { waited: 4, dropped: 1 }, '4 waited, 1 sample dropped'],
    ['engine.proceededWithoutRecord', { gates: 2 }, '2 steps went on without the record'],
    ['engine.stopped', { why: 'closed' }, 'The engine stopped: closed.'],
    [
      'engine.broke',
      { code: 'INVARIANT_BROKEN', detail: 'a counter' },
      'stopped itself: INVARIANT_BROKEN, a counter.',
    ],
    ['path.removed', { why: 'closed' }, 'was released: the engine closed.'],
    ['path.failed', { verdict: 'probe', detail: 'x' }, 'null errors by then.'],
  ])('%s %j', (type, data, words) => {
    expect(says(type, data)).toContain(words)
  })

  test('what was handed on, and who said something', () => {
    expect(says('ledger.stateCarried', {}, { context: { why: 'a cable' } })).toContain('(a cable)')
    expect(says('ledger.stateCarried', {}, { context: {} })).not.toContain('(')
    expect(says('path.disabled', { why: 'x' }, { actor: 'operator:7', reason: 'x' })).toContain(
      'By operator:7: "x".',
    )
    expect(says('path.disabled', {}, { actor: 'operator:7' })).toMatch(/By operator:7\.$/)
  })

  test.each([
    ['ledger.stateCarried', {}, { kind: 'earlierSegment', reason: null }],
    [
      'lun.ghostsOpened',
      { ghosts: [{ op: 'write', offset: 0, length: 512 }], path: 'nowhere' },
      { kind: 'ghost', path: 'nowhere', op: 'write', status: null },
    ],
    ['head.timerFired', { timer: 'removal' }, { kind: 'timer', timer: 'removal', path: null }],
    ['path.blocked', {}, { kind: 'deviceState' }],
    ['path.lost', { why: 'killed' }, { kind: 'engine', reason: 'killed' }],
    ['lun.senseReceived', {}, { kind: 'accessState' }],
    [
      'reservation.conflict',
      { op: 'write', offset: 0, length: 512 },
      { kind: 'reservation', errno: 'EBADE' },
    ],
    ['path.failed', { verdict: 'identity', detail: 'another diskseq' }, { reason: 'another diskseq' }],
  ])('the root of %s', (type, data, root) => {
    const stream = type.startsWith('path.') ? PATH_A : `${type.split('.')[0]}/x`
    expect(rootOf(told(type, data, { stream }), history)).toMatchObject(root)
  })

  test('what to do about it depends on how it failed', () => {
    const root = (more: object) => ({ ...NOTHING, kind: 'pathError' as const, ...more })
    expect(adviceOf(root({ status: 'TIMEOUT', path: null }))).toContain('behind it.')
    expect(adviceOf(root({ status: 'TIMEOUT', path: '8:0:0:0' }))).toContain('behind 8:0:0:0.')
    const found = { end: null, together: null, now: true, path: [] }
    expect(whatToDo({ ...found, root: root({ timer: 'noPath' }) })).toContain(
      "The timer 'noPath' ran out over it",
    )
    expect(adviceOf(root({ status: 'OFFLINE' }))).toContain('attach it again')
    expect(adviceOf(NOTHING)).toBe('Nothing has to be done.')
  })

  test('a chain of causes', () => {
    const causes = (type: string, data: object, more: object = {}) =>
      history.causes(told(type, data, more)).map(({ position }) => position)
    // It ends where nothing on the ledger led to it: in the segment before, at a row that is gone, or at one that comes later.
    expect(causes('engine.ledgerRecovered', {}, { stream: 'engine' })).toEqual([2])
    expect(causes('path.timerFired', { timer: 'probe', dueUs: 5 })).toEqual([2])
    expect(causes('path.failed', {}, { cause: 1 })).toEqual([2, 1])
    expect(causes('path.failed', {}, { cause: 7 })).toEqual([2])
    expect(causes('path.failed', {}, { position: 1, cause: 1 })).toEqual([1])
  })

  test('a state without a region, as the engine has one, is in no word of it', () => {
    expect([regionOf('running', 'health'), regionOf(undefined, 'health'), regionOf({}, 'health')]).toEqual([
      '',
      '',
      '',
    ])
  })
})
