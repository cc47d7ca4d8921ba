import AssayAuditLog
import AssayBlobStore
import AssayBundle
import AssayCommands
import AssayCrypto
import AssayDomain
import AssayIndex
import AssayRegistry
import EvaluatorHost
import Foundation
import Glibc
import HTTPKit
import Hummingbird
import HummingbirdCore
import Logging
import Metrics
import NIOCore
import NIOPosix
import NativeAPI
import OCIFrontEnd
import ServiceLifecycle
import UnixSignals

/// The one HTTP application over one store, whichever way it is reached.
struct Server: Sendable {
    /// How requests come in, and who may send them.
    struct Door: Sendable {
        let address: BindAddress
        let authenticate: Authenticate
        /// The name of a Unix socket, kept for this server until it listens.
        let socket: SocketPlace?
        var isLocal: Bool { socket != nil }

        /// An address of the network.
        init(address: BindAddress, authenticate: Authenticate) {
            self.address = address
            self.authenticate = authenticate
            socket = nil
        }

        /// A socket that asks for no token: this process works with umask 077, so the socket is its owner's alone from
        /// the moment in which it has a name, before it listens.
        init(_ socket: SocketPlace, isReadOnly: Bool) {
            address = .unixDomainSocket(path: socket.draft)
            authenticate = Authenticate(.open, isReadOnly: isReadOnly)
            self.socket = socket
        }
    }

    /// The HTTP framework's own log: what it calls errors are connections that ended, or faults that are thrown too.
    static var framework: Logger {
        var logger = Logger(label: "assay.http")
        logger.logLevel = max(logger.logLevel, .critical)
        return logger
    }

    /// How long requests under way may take to end when the server is asked to stop.
    private static let shutdownMax = Duration.seconds(20)
    /// How often unfinished uploads are looked through within the time that they are kept.
    private static let looksPerExpiry = 4
    /// Threads for work that blocks: flushes mostly wait, so there are more of them than cores.
    private static let blockingThreads = 8

    private let store: StoreFolder
    /// The store that another one stands for, so that its lock is held.
    private var kept: StoreFolder?
    private let registry: Registry
    private let index: SQLiteIndex
    private let host: ProcessEvaluatorHost
    private let metrics: PrometheusMetrics
    private let ids = RandomIDGenerator()
    private let settings: StoreSettings
    private let logger: Logger

    init(
        store: StoreFolder, installation: Installation, settings: StoreSettings, metrics: PrometheusMetrics
    ) throws {
        let logger = Logger(label: "assay")
        try ThisMachine.check(settings.evaluators.places)
        var settings = settings
        settings.evaluators.labels += ThisMachine.labels
        let threads = NIOThreadPool(numberOfThreads: Self.blockingThreads)
        threads.start()
        let host = ProcessEvaluatorHost(
            .init(
                executable: installation.evaluator, runtimeLibrary: installation.runtimeLibrary,
                staging: store.staging))
        let log = try FileAuditLog(folder: store.logPath, key: store.logKey, threads: threads, logger: logger)
        let index = try SQLiteIndex.open(path: store.indexPath, log: log)
        try store.keys.settleNext(isTrusted: index.trustsAtStart)
        self.index = index
        let (now, last) = (SystemClock().now(), index.lastEntryTime)
        if now < last {
            logger.warning(
                "clock is before the last entry of the audit log, whose time is the one that keys and waivers go by",
                metadata: ["clock": "\(now)", "log": "\(last)"])
        }
        registry = try Registry(
            blobs: try FileBlobStore(root: store.path, threads: threads, ids: ids, logger: logger, settings: settings),
            index: index, log: log,
            evidence: SignedEvidence(signer: store.keys.signer), inspector: ONNXInspector(), host: host,
            clock: SystemClock(), steadyClock: UptimeClock(), ids: ids, codes: store.uploadKey, logger: logger,
            settings: settings, keys: store.keys)
        self.store = store
        self.settings = settings
        self.metrics = metrics
        self.logger = logger
        self.host = host
    }

    /// A server over a store, or, where nothing can be written to its disk, one that reads it.
    static func overWhatCanBeDone(
        _ store: StoreFolder, named name: String, _ installation: Installation, _ settings: StoreSettings,
        _ metrics: PrometheusMetrics
    ) throws -> Server {
        do {
            return try Server(store: store, installation: installation, settings: settings, metrics: metrics)
        } catch let error as AssayError where error.code.kind == .storage && !store.isReadOnly {
            let readable: Server
            do {
                var server = try Server(
                    store: store.asReadOnly(named: name), installation: installation, settings: settings,
                    metrics: metrics)
                server.kept = store
                readable = server
            } catch {
                // Its own fault says less than the one that led here.
                throw error as? AssayError ?? AssayError(.storageFailed, "the store cannot be read", cause: error)
            }
            return readable
        }
    }

    /// Whether nothing can be written.
    var isReadOnly: Bool { store.isReadOnly }
    /// The folder of the store, or what stands for it.
    var path: String { store.path }

    /// Everything that runs while the server does; `running` is told of each address that takes connections.
    func services(
        _ doors: [Door], _ handles: FileHandles, running: @escaping @Sendable (any Channel) async -> Void
    ) -> [any Service] {
        let native = NativeAPI(registry: registry, allowsDeletes: settings.allowsDeletes)
        let frontEnds: [any FrontEnd] = [
            native, OCIFrontEnd(registry: registry, allowsDeletes: settings.allowsDeletes),
            LogRoutes(registry: registry), ServiceRoutes(registry: registry, metrics: metrics),
        ]
        let bodies = BodyBudget()
        let applications = doors.map { door in
            Application(
                responder: RouteTable(
                    frontEnds, fallback: native, authenticate: door.authenticate, ids: ids, bodies: bodies),
                server: HTTPConnections.builder,
                configuration: .init(
                    address: door.address,
                    availableConnectionsDelegate: .maximum(
                        door.isLocal ? handles.localConnectionsMax : handles.connectionsMax, logger: Self.framework)),
                onServerRunning: { channel in
                    // A door without its name ends, and with it the server, which tells why.
                    guard door.socket?.settle() ?? true else { return channel.close(promise: nil) }
                    // It fails where the channel was closed meanwhile.
                    try? await AcceptPause.add(to: channel)
                    await running(channel)
                },
                logger: Self.framework)
        }
        // Nothing that writes by itself runs where nothing can be written.
        guard !isReadOnly else { return applications }
        let reaping = BackgroundService { [registry, settings] in
            try await registry.blobs.reapUploads(every: settings.uploadExpiry / Self.looksPerExpiry)
        }
        let trusting = BackgroundService { [self] in await trustLogKey() }
        let asking = BackgroundService { [self] in await askHolders() }
        let verifying = BackgroundService { [registry] in try await registry.verify.run() }
        // In the other order they stop: first nobody asks any more, and what was promoted last is still sealed.
        return [trusting, asking, SealingService(queue: registry.sealing), verifying, reaping] + applications
    }

    /// A store of before the audit log has just got its log's key; for every other one this changes nothing.
    private func trustLogKey() async {
        do {
            let id = store.logKey.publicKey.id
            guard try await !registry.trust.keys().contains(where: { $0.id == id }) else { return }
            _ = try await registry.trust.trust(
                ManageTrust.Request(pem: store.logKey.publicKey.pem, name: "log", role: .log), by: .registry)
        } catch is CancellationError {
            // The next start does it.
        } catch {
            logger.warning("log key is not trusted", metadata: ["error": "\(error)"])
        }
    }

    /// Versions that an older build promoted stand as not promoted until this has found their manifests bound.
    private func askHolders() async {
        do {
            try await registry.askHolders()
        } catch is CancellationError {
            // The next start goes on.
        } catch {
            logger.warning("promotions of before are not looked at", metadata: ["error": "\(error)"])
        }
    }

    /// Closes the index once nothing runs any more, so that all of it is in one file.
    func close() {
        do {
            try index.close()
        } catch {
            // Everything that was answered is durable, and the next start takes it up.
            logger.warning("index is not closed", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Serving

    /// Serves a store on an address and on the socket in its folder until the process is asked to stop.
    ///
    /// Throws `store-busy` if another process owns the store, `configuration-invalid`, `server-unreachable` if the
    /// address is taken.
    static func serve(_ options: ServeOptions, variables: [String: String]) async throws {
        let handles = try FileHandles.takeAll()
        guard let store = try StoreFolder.open(options.store) else {
            throw AssayError(
                .storeBusy, "another process has the store \(Printable.quote(options.store))",
                remedy: "stop it first, or use it: commands with --store find it by themselves")
        }
        let metrics = PrometheusMetrics()
        MetricsSystem.bootstrap(metrics)
        let server = try Server.overWhatCanBeDone(
            store, named: options.store,
            Installation(
                evaluator: options.evaluatorPath, runtimeLibrary: options.onnxRuntimePath, variables: variables),
            options.settings, metrics)
        if server.isReadOnly {
            server.logger.warning("store can only be read, whatever would write to it is refused")
        } else {
            server.warnIfNothingCanBeVerified()
        }
        var doors = [
            Door(
                address: .hostname(options.host, port: options.port),
                authenticate: try Access.authenticate(
                    host: options.host, tokenFile: options.tokenFile, variables, isReadOnly: server.isReadOnly))
        ]
        let socket =
            try options.unixSocket.map { path throws(AssayError) in try StoreSocket(at: path) }
            ?? StoreSocket(inStore: server.path)
        defer { withExtendedLifetime(socket) {} }
        doors.append(Door(try await SocketPlace.take(socket.path), isReadOnly: server.isReadOnly))
        var configuration = ServiceGroupConfiguration(
            services: server.services(doors, handles, running: announce), gracefulShutdownSignals: [.sigterm, .sigint],
            logger: framework)
        configuration.maximumGracefulShutdownDuration = Self.shutdownMax
        let group = ServiceGroup(configuration: configuration)
        defer { server.close() }
        do {
            try await group.run()
        } catch let error as ServiceGroupError {
            for door in doors { try door.socket?.check() }
            throw error
        } catch let error as IOError {
            throw AssayError(
                error.errnoCode == EADDRINUSE ? .serverUnreachable : .configurationInvalid,
                "cannot listen on \(Printable.escape(options.host)):\(options.port)",
                reason: String(cString: strerror(error.errnoCode)), remedy: "choose another address with --listen")
        }
    }

    /// A server without an evaluator still stores and serves, so it only says so.
    private func warnIfNothingCanBeVerified() {
        do {
            try host.checkAvailable()
        } catch {
            logger.warning("verifications will be refused", metadata: ["error": "\(error)"])
        }
    }

    /// Tells people and scripts where the server is; the line is part of the interface.
    @Sendable private static func announce(_ channel: any Channel) async {
        guard let address = channel.localAddress, let port = address.port, let host = address.ipAddress else { return }
        let shown = host.contains(":") ? "[\(host)]" : host
        // That nobody reads it is no reason not to serve.
        try? Console.standard.print("listening on http://\(shown):\(port)")
    }
}

/// Completes the evidence of promoted versions; asked to stop, it ends after a batch at most.
private struct SealingService: Service {
    let queue: SealQueue

    func run() async throws {
        try await withGracefulShutdownHandler {
            do {
                try await queue.run()
            } catch is CancellationError {
                // What was left undone is taken up at the next start.
            }
        } onGracefulShutdown: {
            queue.stop()
        }
        // The group ends when a service ends, and this one ends only with it.
        try? await gracefulShutdown()
    }
}

/// Work that goes on while the server runs: the verification queue, the reaping of uploads.
private struct BackgroundService: Service {
    /// Returns or throws when its task is cancelled.
    let work: @Sendable () async throws -> Void

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                try await work()
            } catch is CancellationError {
                // What was left undone is taken up at the next start.
            }
        }
        // The group ends when a service ends, and this one ends only with it.
        try? await gracefulShutdown()
    }
}
