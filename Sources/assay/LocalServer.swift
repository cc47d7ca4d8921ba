import AssayClient
import AssayDomain
import AssayRegistry
import HTTPKit
import HummingbirdCore
import NIOCore
import ServiceLifecycle

/// The server behind `--store`: the same application on the Unix socket in the store's folder.
enum LocalServer {
    /// Lends the URL of the server that owns the store, or of one that runs for as long as `body` does and other
    /// commands work on the store through it; `note` is told if that takes longer.
    static func lend(
        store name: String, variables: [String: String], note: @escaping @Sendable (String) -> Void,
        to body: @escaping @Sendable (_ baseURL: String) async throws -> Void
    ) async throws {
        let path = StoreFolder.absolute(name)
        let users = try await StoreUsers.join(store: path)
        let socket = try StoreSocket(inStore: path)
        // However this ends: others are waited for, and the socket has its name, as long as the work goes on.
        defer { withExtendedLifetime((users, socket)) {} }
        let url = Endpoint.unixSocket(path: socket.path).baseURL
        // Told before a store is opened with too few; who speaks to its server needs next to none.
        if !SocketPlace.answers(socket.path) { _ = try FileHandles.takeAll() }
        guard let store = try await take(name, socket: socket.path) else {
            return try await body(url)
        }
        let handles = try FileHandles.takeAll()
        let installation = Installation(evaluator: nil, runtimeLibrary: nil, variables: variables)
        let server = try Server.overWhatCanBeDone(
            store, named: name, installation, StoreSettings(), PrometheusMetrics())
        defer { server.close() }
        guard !server.isReadOnly else {
            // Nobody else finds this server, so nobody is waited for.
            let own = try StoreSocket(inStore: server.path)
            defer { withExtendedLifetime(own) {} }
            return try await run(server, handles, on: own.path) {
                try await body(Endpoint.unixSocket(path: own.path).baseURL)
            }
        }
        try await run(server, handles, on: socket.path) {
            let outcome = await Result { try await body(url) }
            await users.waitForOthers {
                note("other commands work on this store through this one, which ends when they have")
            }
            try outcome.get()
        }
    }

    /// Lends the URL of the server that owns the store, or of one that reads it for as long as `body` does and that
    /// nobody else finds: no job is begun, and whoever wants the store meanwhile waits for that moment.
    ///
    /// Throws `store-busy` where another process is about to serve or to leave it, and whatever `body` throws.
    static func glance(
        at name: String, variables: [String: String],
        to body: @escaping @Sendable (_ baseURL: String) async throws -> Void
    ) async throws {
        let socket = try StoreSocket(inStore: StoreFolder.absolute(name))
        defer { withExtendedLifetime(socket) {} }
        guard !SocketPlace.answers(socket.path) else {
            return try await body(Endpoint.unixSocket(path: socket.path).baseURL)
        }
        guard let store = try StoreFolder.open(name) else {
            throw AssayError(.storeBusy, "another process has the store \(Printable.quote(name))")
        }
        defer { withExtendedLifetime(store) {} }
        let server = try Server(
            store: store.isReadOnly ? store : store.asReadOnly(named: name),
            installation: Installation(evaluator: nil, runtimeLibrary: nil, variables: variables),
            settings: StoreSettings(), metrics: PrometheusMetrics())
        defer { server.close() }
        let own = try StoreSocket(inStore: server.path)
        defer { withExtendedLifetime(own) {} }
        try await run(server, FileHandles.takeAll(), on: own.path) {
            try await body(Endpoint.unixSocket(path: own.path).baseURL)
        }
    }

    /// How often, and how far apart, a store is looked at that somebody has but nobody serves yet, or any more.
    private static let attempts = 300
    private static let pause = Duration.milliseconds(50)

    /// Takes the store, or gives nil once the process that has it answers. Throws `store-busy`.
    private static func take(_ name: String, socket: String) async throws -> StoreFolder? {
        for _ in 0..<attempts {
            if let store = try StoreFolder.open(name) { return store }
            if SocketPlace.answers(socket) { return nil }
            try await Task.sleep(for: pause)
        }
        throw AssayError(
            .storeBusy, "another process has the store \(Printable.quote(name)) and does not answer",
            remedy: "wait for it to end, then try again")
    }

    private static func run(
        _ server: Server, _ handles: FileHandles, on socket: String, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let (started, running) = AsyncStream.makeStream(of: Void.self)
        let door = Server.Door(try await SocketPlace.take(socket), isReadOnly: server.isReadOnly)
        let group = ServiceGroup(
            configuration: .init(
                services: server.services([door], handles) { _ in running.yield() }, logger: Server.framework))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { running.finish() }
                do {
                    try await group.run()
                } catch let error as ServiceGroupError {
                    try door.socket?.check()
                    throw error
                }
            }
            var iterator = started.makeAsyncIterator()
            guard await iterator.next() != nil else {
                // It ended before it served: its failure is what the group throws.
                try await tasks.waitForAll()
                throw AssayError(.internalError, "the store's server ended before it served")
            }
            let outcome = await Result(body)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try outcome.get()
        }
    }
}

extension Result where Success == Void, Failure == any Error {
    /// The outcome of work that waits.
    fileprivate init(_ work: () async throws -> Void) async {
        do {
            self = .success(try await work())
        } catch {
            self = .failure(error)
        }
    }
}
