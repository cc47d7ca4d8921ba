import Dispatch
import ONNXModel
import Synchronization

/// Bytes that come without blocking, for readers that wait for them on a thread of their own.
enum BlockingSource {
    private final class Answer: Sendable {
        let result = Mutex<Result<[UInt8], any Error>>(.success([]))
    }

    /// Must be used on a thread that is nobody else's: it waits there for what `read` gives.
    static func make(
        byteCount: Int, _ read: @escaping @Sendable (Range<Int64>) async throws -> [UInt8]
    ) -> FetchedSource {
        FetchedSource(byteCount: byteCount) { offset, count in
            let (answer, semaphore) = (Answer(), DispatchSemaphore(value: 0))
            // Its owner is this call, which waits for it in any case.
            Task {
                do {
                    let bytes = try await read(Int64(offset)..<Int64(offset + count))
                    answer.result.withLock { $0 = .success(bytes) }
                } catch {
                    answer.result.withLock { $0 = .failure(error) }
                }
                semaphore.signal()
            }
            semaphore.wait()
            return try answer.result.withLock { try $0.get() }
        }
    }
}
