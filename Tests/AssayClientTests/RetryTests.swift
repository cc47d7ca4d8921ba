import AssayDomain
import Glibc
import Synchronization
import Testing

@testable import AssayClient

struct RetryTests {
    private static let busy = AssayError(.storeBusy, "busy")

    @Test func `pauses double up to a limit and the tries have one`() async {
        let pauses = Mutex<[Duration]>([])
        let policy = RetryPolicy(attemptsMax: 8) { pause in pauses.withLock { $0.append(pause) } }
        let error = await #expect(throws: AssayError.self) { try await policy.run { throw Self.busy } }
        #expect(error?.code == .storeBusy)
        #expect(pauses.withLock { $0 } == [100, 200, 400, 800, 1_600, 3_000, 3_000].map { .milliseconds($0) })
    }

    @Test func `progress starts the count anew, but not for ever`() async {
        let tries = Mutex<Int64>(0)
        let policy = RetryPolicy(attemptsMax: 2, attemptsTotalMax: 20, sleep: { _ in })
        await #expect(throws: AssayError.self) {
            try await policy.run(position: { tries.withLock { $0 } }) {
                tries.withLock { $0 += 1 }
                throw Self.busy
            }
        }
        #expect(tries.withLock { $0 } == 20)
    }

    @Test func `work that comes no further ends with the time that is waited, and its second try is told`() async {
        let told = Mutex<[String]>([])
        let tries = Mutex(0)
        let start = ContinuousClock.now
        let time = Mutex(Duration.zero)
        let patience = Patience(limit: .seconds(20)) { line in told.withLock { $0.append(line) } }
        let clock: @Sendable () -> ContinuousClock.Instant = { start + time.withLock { $0 } }
        await #expect(throws: AssayError.self) {
            try await RetryPolicy(patience: patience, sleep: { _ in }, clock: clock).run {
                tries.withLock { $0 += 1 }
                time.withLock { $0 += patience.silence }
                throw Self.busy
            }
        }
        #expect(tries.withLock { $0 } == 2)
        #expect(told.withLock { $0 } == ["busy; trying again"])
    }

    @Test func `bytes that come fast enough are progress, and next to none are not`() throws {
        let endpoint = try Endpoint(parsing: "http://127.0.0.1:1")
        var pace = Pace(Patience(limit: .zero))
        for _ in 0..<100 { try pace.took(4_096, from: endpoint) }
        var slow = Pace(Patience(limit: .milliseconds(20)))
        let error = #expect(throws: AssayError.self) {
            for _ in 0..<1_000 {
                try slow.took(0, from: endpoint)
                usleep(1_000)
            }
        }
        #expect(error?.code == .serverUnreachable)
    }

    @Test(arguments: [ErrorCode.digestMismatch, .storageFull, .permissionDenied, .aliasConflict])
    func `what cannot pass by itself is not tried again`(code: ErrorCode) async {
        let tries = Mutex(0)
        await #expect(throws: AssayError.self) {
            try await RetryPolicy(sleep: { _ in }).run {
                tries.withLock { $0 += 1 }
                throw AssayError(code, "no")
            }
        }
        #expect(tries.withLock { $0 } == 1)
    }
}

struct UploadLocationTests {
    @Test(arguments: [
        ("/v2/a/blobs/uploads/x?s=1", "/v2/a/blobs/uploads/x?s=1"), ("http://other:1/v2/x", "/v2/x"),
        ("https://h/p?q", "/p?q"),
    ])
    func `only the path of a location counts`(text: String, path: String) {
        #expect(UploadLocation.path(of: text) == path)
    }

    @Test(arguments: ["", "v2/x", "http://host", "/with space", "/line\nbreak", "file:///etc/x\u{7F}", "ftp://h/x"])
    func `a location that is none is refused`(text: String) {
        #expect(UploadLocation.path(of: text) == nil)
    }

    @Test(arguments: [("0-0", 0), ("0-1", 2), ("0-4194303", 4_194_304)])
    func `a range tells how many bytes there are`(text: String, count: Int64) {
        #expect(UploadLocation.position(fromRange: text) == count)
    }

    @Test(arguments: ["", "0", "1-2", "0-", "0--1", "bytes=0-1", "0-9223372036854775807", "0-99999999999999999999"])
    func `a range that makes no sense is refused`(text: String) {
        #expect(UploadLocation.position(fromRange: text) == nil)
    }

    @Test func `a journal that cannot be written is no failure`() throws {
        let journal = UploadJournal(folder: "/dev/null/uploads")
        let key = UploadJournal.Key(
            repository: try RepositoryName(parsing: "a"),
            digest: Digest(algorithm: .sha256, bytes: Array(repeating: 0, count: 32)))
        journal.remember("/v2/x", of: key)
        #expect(journal.location(of: key) == nil)
        journal.forget(key)
    }
}
