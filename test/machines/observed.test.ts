import { describe, expect, it } from 'vitest'
import { OBSERVED_TYPES } from '../../machines/observed/events.ts'
import { observedInitial, observedStep } from '../../machines/observed/observed.ts'
import { behaviourOf, NEWEST_FLAGS, OBSERVED_FLAGS, unknownFlag } from '../../machines/behaviour.ts'
import { checkEvent, machineOf } from '../../machines/registry.ts'
import type { StreamState } from '../../machines/step.ts'
import { upcast } from '../../machines/upcast.ts'

type Said = readonly [type: string, data?: Record<string, unknown>]

function after(kind: 'path' | 'head' | 'port' | 'host' | 'source', ...said: readonly Said[]): StreamState {
  return said.reduce((state, [type, data = {}]) => observedStep(state, type, data), observedInitial(kind))
}

describe('machines of observed streams', () => {
  it('begin with nothing known, and take every type', () => {
    for (const { type, kind } of OBSERVED_TYPES.values()) {
      expect(after(kind, [type]).context, type).toMatchObject({ observed: true })
    }
    expect(after('path', ['path.known']).value).toEqual({
      device: 'unknown',
      access: 'unknown',
      health: 'unknown',
      admin: 'unknown',
    })
  })

  it('follow a path through failure, margin and return', () => {
    const failed = after('path', ['path.added', { dev: 'sdb' }], ['path.failed', { by: 'operator' }])
    expect(failed.value).toMatchObject({ health: 'failed', admin: 'disabled' })
    expect(failed.context).toMatchObject({ dev: 'sdb' })
    expect(
      after('path', ['path.failed'], ['path.becameMarginal'], ['path.becameSteady']).value,
    ).toMatchObject({ health: 'failed' })
    expect(after('path', ['path.added'], ['path.becameMarginal']).value).toMatchObject({ health: 'marginal' })
    expect(after('path', ['path.added'], ['path.becameMarginal'], ['path.becameSteady']).value).toMatchObject(
      { health: 'online' },
    )
    expect(after('path', ['path.accessChanged', { access: 'standby' }]).value).toMatchObject({
      access: 'standby',
    })
  })

  it('say what becomes of I/O without a path only where that is told', () => {
    const service = (...said: Said[]): unknown =>
      (after('head', ...said).value as { service: string }).service
    expect(service(['head.pathsChanged', { usable: 0, io: 'unknown' }])).toBe('dark')
    expect(
      service(['head.pathsChanged', { usable: 0, io: 'queued' }], ['head.pathsChanged', { usable: 0 }]),
    ).toBe('queueing')
    expect(
      service(
        ['head.pathsChanged', { usable: 0, io: 'queued' }],
        ['head.noPathRetryChanged', { queueing: false }],
      ),
    ).toBe('failing')
    expect(
      service(['head.pathsChanged', { usable: 0 }], ['head.noPathRetryChanged', { queueing: true }]),
    ).toBe('queueing')
    expect(service(['head.noPathRetryChanged', { queueing: true }])).toBe('unknown')
    expect(service(['head.pathsChanged', { usable: 1, of: 2 }])).toBe('degraded')
    expect(service(['head.pathsChanged', { usable: 2, of: null }])).toBe('serving')
  })

  it('are chosen by the header of the ledger, or by streams that only they have', () => {
    expect(machineOf('path/w/1:0:0:1', behaviourOf(OBSERVED_FLAGS)).name).toBe('observed')
    expect(machineOf('path/w/1:0:0:1').name).toBe('path')
    expect(machineOf('port/session/1').name).toBe('observed')
    expect(machineOf('engine', behaviourOf(OBSERVED_FLAGS)).name).toBe('engine')
    expect(NEWEST_FLAGS).not.toContain('2:observed')
    expect(unknownFlag(OBSERVED_FLAGS)).toBeNull()
  })

  it('refuse what does not belong to a stream, and payloads that prove nothing', () => {
    expect(
      checkEvent('head/w', 'head.known', { seen: { source: 1, line: 2, bytes: 'ab', rule: null } }, 100),
    ).toBeTruthy()
    expect(() => checkEvent('head/w', 'path.known', {}, 100)).toThrow(/No such observation/)
    expect(() => checkEvent('head/w', 'head.suspected', {}, 100)).toThrow(/No such observation/)
    expect(() => checkEvent('head/w', 'head.known', { seen: { source: -1 } }, 100)).toThrow(/seen/)
    expect(upcast({ type: 'path.failed', schema: 100, data: { by: 'kernel' } })).toEqual({ by: 'kernel' })
  })

  it('decide from inputs alone', () => {
    const machine = machineOf('port/session/1')
    const decided = machine.decideWatched(machine.initial(), { type: 'port.wentDown', atUs: 1, data: {} })
    expect(decided).toMatchObject({ state: { value: { link: 'down' } }, byTypeAlone: false, effects: [] })
  })
})
