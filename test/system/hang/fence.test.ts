// A fence command kills the server of a hung path: that is proof, and the write that waited goes on.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fenceFromConfig } from '../../../adapters/fence-command.ts'
import { BLOCK, HangRig, until } from './rig.ts'

const OLD = 0xaa
const NEW = 0xbb

/** Kills a server and waits until it is gone, or a zombie that its parent has not buried. */
const killAndWait = (pid: number): string =>
  `kill -9 ${pid}; while kill -0 ${pid} 2>/dev/null && ! grep -q '^State:.Z' /proc/${pid}/status; do sleep 0.01; done`

function fenceFile(rig: HangRig, script: string): string {
  const folder = join(rig.folder, 'etc')
  mkdirSync(folder, { mode: 0o700 })
  const file = join(folder, 'fences.json')
  const fences = [{ hctl: rig.hctl('A'), command: ['/bin/sh', '-c', script], timeoutMs: 5000 }]
  writeFileSync(file, JSON.stringify({ fences }), { mode: 0o600 })
  return file
}

describe('a fence command', () => {
  test('scenario 19: it ends the ghosts, the held write goes on, and the checker leaves the path alone', async () => {
    const rig = await HangRig.make()
    const fence = fenceFromConfig(fenceFile(rig, killAndWait(rig.a.serverPid)))
    await rig.open({ fence, fenceTimeoutMs: 10_000 })
    rig.a.hang()
    await rig.write(0, OLD)
    await rig.write(0, NEW)
    await until('the fence is on the ledger', () => rig.seen('path.fenced').length === 1)
    expect(rig.seen('path.fenced')[0]?.['detail']).toMatch(/ended with 0$/)
    expect(rig.seen('lun.ghostsEnded')).toMatchObject([{ proof: 'fence' }])
    expect(rig.mark(0)).toBe(NEW)
    // Nothing probes it any more: it needs a new attach.
    const probes = rig.seen('path.probeFailed').length
    for (let index = 0; index < 64; index += 1) await rig.write((10 + index) * BLOCK, 1)
    expect(rig.seen('path.probeFailed')).toHaveLength(probes)
    expect(rig.path('A').usable).toBe(false)
    expect(rig.seen('path.probeSucceeded')).toEqual([])
    await rig.close()
    expect(rig.mark(0)).toBe(NEW)
    rig.explains('A', 'path.failed', { kind: 'pathError', status: 'TIMEOUT', op: 'write', offset: 0 })
  })

  test('scenario 19: one that fails proves nothing: the newer write is not let through', async () => {
    const rig = await HangRig.make()
    await rig.open({ fence: fenceFromConfig(fenceFile(rig, 'exit 1')), ghostHoldMaxMs: 1000 })
    rig.a.hang()
    await rig.write(0, OLD)
    await expect(rig.write(0, NEW)).rejects.toMatchObject({ code: 'GHOST_HOLD' })
    expect(rig.seen('path.fenced')).toEqual([])
    expect(rig.mark(0)).toBe(OLD)
  })
})
