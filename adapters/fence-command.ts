// Fence commands from a file: for a path over a server, what kills that server and waits for its death. The engine runs
// what the file says with its own rights, so the file is refused where anybody else could have written it.
import { checkArguments, checkFields } from '../errors/arguments.ts'
import { spawn } from 'node:child_process'
import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import { messageOf, PathledgerError } from '../errors.ts'
import type { Clock, Fence, FenceTarget } from './ports.ts'
import { systemClock } from './system.ts'

const command = z
  .array(z.string().min(1).max(4096))
  .min(1)
  .max(256)
  .refine(([program]) => program?.startsWith('/') === true, 'a command begins with an absolute path')
const timeoutMs = z.int().min(1).max(600_000).optional()
const configSchema = z.strictObject({
  fences: z
    .array(
      z.union([
        z.strictObject({ hctl: z.string().min(1), command, timeoutMs }),
        z.strictObject({ device: z.string().min(1), command, timeoutMs }),
      ]),
    )
    .max(4096),
})

type FenceEntry = z.infer<typeof configSchema>['fences'][number]

/** Whom a command finds its programs by; nothing of our own environment goes along. */
const COMMAND_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

/** Longer details are cut: the ledger keeps what was done, not an essay. */
const DETAIL_MAX = 200

/**
 * Reads `{"fences": [{"hctl" or "device": "...", "command": ["/absolute/program", "..."], "timeoutMs"?: 5000}]}`. A fence
 * has succeeded when its command ended with 0: by then the server must be dead. One that takes longer than its
 * `timeoutMs`, or than the engine waits, is killed with all that it started, and has failed. Throws FENCE_CONFIG where
 * the file cannot be read or is wrong, and FENCE_CONFIG_UNSAFE where others than its owner could write the file, its
 * folder or a command, or where one of them belongs to somebody else than root and us.
 */
export function fenceFromConfig(file: string, ports: { clock?: Clock } = {}): Fence {
  checkArguments('fenceFromConfig', { file }, { file: 'file' })
  checkFields('fenceFromConfig', 'ports', ports, { clock: 'clock?' })
  const { clock = systemClock } = ports
  const { fences } = readConfig(file)
  for (const { command: words } of fences) checkSafe(words[0] ?? '', statOf(words[0] ?? ''))
  return async (target, limitMs) => {
    const entry = fences.find((fence) => isFor(fence, target))
    if (entry === undefined) return null
    return run(entry, target, Math.min(limitMs, entry.timeoutMs ?? limitMs), clock)
  }
}

function isFor(fence: FenceEntry, { hctl, device }: FenceTarget): boolean {
  return 'hctl' in fence ? fence.hctl === hctl : fence.device === device
}

function run(entry: FenceEntry, target: FenceTarget, limitMs: number, clock: Clock): Promise<string> {
  const [program = '', ...words] = entry.command
  const shown = entry.command.join(' ').slice(0, DETAIL_MAX)
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, {
      stdio: 'ignore',
      cwd: '/',
      // A group of its own, so that whatever it started can be killed with it.
      detached: true,
      env: {
        PATH: COMMAND_PATH,
        PATHLEDGER_WWID: target.wwid,
        PATHLEDGER_HCTL: target.hctl,
        PATHLEDGER_DEVICE: target.device,
      },
    })
    const timer = clock.setTimer(clock.monoUs() + limitMs * 1000, () => {
      killGroup(child.pid)
      reject(failed('FENCE_TIMEOUT', shown, `It had not ended after ${limitMs} ms, and was killed.`))
    })
    child.once('error', (error) => {
      timer.cancel()
      reject(failed('FENCE_FAILED', shown, error.message))
    })
    child.once('exit', (code, signal) => {
      timer.cancel()
      if (code === 0) resolve(`${shown}: ended with 0`)
      else reject(failed('FENCE_FAILED', shown, `It ended with ${code ?? signal ?? 'nothing'}.`))
    })
  })
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended by itself meanwhile.
  }
}

function readConfig(file: string): z.infer<typeof configSchema> {
  let text: string
  try {
    // The folder of the file that is read, not of a link to it.
    const real = realpathSync(file)
    const fd = openSync(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      checkSafe(real, fstatSync(fd))
      checkSafe(dirname(real), statSync(dirname(real)))
      text = readFileSync(fd, 'utf8')
    } finally {
      closeSync(fd)
    }
    return configSchema.parse(JSON.parse(text))
  } catch (error) {
    if (error instanceof PathledgerError) throw error
    throw wrongConfig(file, error)
  }
}

function statOf(file: string): Stats {
  try {
    return statSync(file)
  } catch (error) {
    throw wrongConfig(file, error)
  }
}

/** Throws where somebody else than root and us could have written it. */
function checkSafe(file: string, { uid, mode }: Stats): void {
  const self = process.geteuid?.() ?? 0
  const why =
    uid !== 0 && uid !== self
      ? `It belongs to uid ${uid}, neither root nor ${self}.`
      : (mode & 0o022) !== 0
        ? `Its mode is ${(mode & 0o7777).toString(8)}: group or world can write it.`
        : null
  if (why === null) return
  throw new PathledgerError('FENCE_CONFIG_UNSAFE', {
    message: `${file} is not trusted.`,
    why: `${why} Whoever can write it could let this engine run anything.`,
    todo: 'chown it to root, and chmod go-w the file, its folder and the programs it names.',
    errno: 'EPERM',
  })
}

function wrongConfig(file: string, cause: unknown): PathledgerError {
  const issues =
    cause instanceof z.ZodError
      ? cause.issues.map(({ path, message }) => `${path.map(String).join('.') || 'file'}: ${message}`)
      : [messageOf(cause)]
  return new PathledgerError('FENCE_CONFIG', {
    message: `${file} is not a file of fence commands.`,
    why: `${issues.join('; ')}.`,
    todo: 'It is {"fences": [{"hctl" or "device": "...", "command": ["/absolute/program", "..."]}]}.',
    errno: 'EINVAL',
    cause,
  })
}

function failed(code: 'FENCE_FAILED' | 'FENCE_TIMEOUT', shown: string, why: string): PathledgerError {
  return new PathledgerError(code, {
    message: `The fence command ${shown} did not succeed.`,
    why,
    todo: 'The ghosts of the path hold newer writes: kill its server by hand, then release them with a reason.',
    errno: code === 'FENCE_TIMEOUT' ? 'ETIMEDOUT' : 'EIO',
  })
}
