// The thread of a LUN's storage: a disk that hangs stops nobody but those who wait for it.
import type { ErrorCode } from '../../errors/codes.ts'
import { parentPort, workerData } from 'node:worker_threads'
import { messageOf, PathledgerError } from '../../errors.ts'
import { LunKeeper } from './keeper.ts'
import { isLetGo } from './let-go.ts'
import { DEATH_LOOK_EVERY, LOOK_MS, LOST_LOOK_EVERY } from './limits.ts'
import type { LunAnswer, LunQuestion, LunThreadData } from './schema.ts'

interface Request {
  readonly id: number
  readonly question: LunQuestion
}

const port = parentPort
const { place, now } = workerData as LunThreadData
if (port === null) throw new Error('the storage of a LUN runs in a worker thread')
const say = (answer: LunAnswer): void => port.postMessage(answer)

function errorOf(error: unknown): { code: ErrorCode; why: string } {
  return error instanceof PathledgerError
    ? { code: error.code, why: error.why }
    : { code: 'LUN_STORAGE', why: messageOf(error) }
}

function serve(keeper: LunKeeper): void {
  let looks = 0
  let over = false
  const isOver = (error: { code: ErrorCode; why: string }): void => {
    if (!over) say({ over: error })
    over = true
  }
  const look = setInterval(() => {
    looks += 1
    try {
      const why = looks % LOST_LOOK_EVERY === 0 ? keeper.lost() : null
      if (why !== null) return isOver({ code: 'LUN_STORAGE_LOST', why })
      const died = looks % DEATH_LOOK_EVERY === 0 && keeper.livesChanged()
      if (died || keeper.changed()) say({ news: keeper.picture() })
    } catch (error) {
      isOver(errorOf(error))
    }
  }, LOOK_MS)

  const answer = (question: LunQuestion): unknown => {
    if (question.ask === 'write') return keeper.write(question.write)
    if (question.ask === 'picture') return keeper.picture()
    if (question.ask === 'pictureNow') {
      now.port.postMessage(keeper.picture())
      Atomics.add(now.answers, 0, 1)
      Atomics.notify(now.answers, 0)
      return undefined
    }
    if (question.ask === 'isLetGo') return isLetGo(question.device, question.deviceKey)
    clearInterval(look)
    keeper.close()
    return undefined
  }
  port?.on('message', ({ id, question }: Request) => {
    try {
      say({ id, error: null, value: answer(question) })
    } catch (error) {
      say({ id, error: errorOf(error) })
    }
    // After the answer: what is posted to a closed port is lost.
    if (question.ask === 'close') port.close()
  })
}

try {
  const keeper = new LunKeeper(place)
  serve(keeper)
  say({ id: 0, error: null, value: keeper.opened() })
} catch (error) {
  say({ id: 0, error: errorOf(error) })
}
