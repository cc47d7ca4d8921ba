import APIProtocol
import AssayClient
import AssayCommands
import AssayDomain
import AssayRegistry
import EvaluatorHost
import Glibc
import Logging
import Synchronization

/// Evaluators of this machine that work for a server elsewhere.
struct RemoteWorker: Sendable {
    /// Pauses between two questions for work; they double while there is none.
    private static let firstPause = Duration.milliseconds(100)
    private static let pauseMax = Duration.seconds(2)
    /// How many signs of life a lease has room for.
    private static let beatsPerLease = 4
    /// How often a result is told to a server that does not answer: for about an hour.
    private static let tellingMax = 900

    /// The most verifications that one evaluator gives back as impossible.
    private static let refusedMax = 1_000

    private let client: AssayClient
    private let host: ProcessEvaluatorHost
    private let cache: BlobCache
    private let worker: Worker
    private let options: WorkerOptions
    private let console: Console

    /// Works until each evaluator has done what was asked, or the task is cancelled.
    ///
    /// Throws `configuration-invalid`, `evaluator-unavailable`, and what the server says to a worker that it does not
    /// take: `evaluator-mismatch`, `unauthenticated`, `permission-denied`.
    static func run(
        _ options: WorkerOptions, client: AssayClient, variables: [String: String], console: Console
    ) async throws {
        // What is fetched is the registry's, and nobody else's.
        umask(0o077)
        try ThisMachine.check(options.places)
        let name = try options.name ?? WorkerName(parsing: ThisMachine.name)
        let worker = try Worker(name: name, labels: options.labels + ThisMachine.labels)
        let folder = StoreFolder.absolute(options.cachePath)
        let cache = try BlobCache(path: folder, bytesMax: options.cacheBytesMax)
        // What a job is made of lies there, so it is held to the same.
        let staging = try FolderHandle.makeOwn(path: folder + "/staging", called: "the folder").path
        try Surroundings.check(folder, called: "the cache \(Printable.quote(folder))")
        let installation = Installation(
            evaluator: options.evaluatorPath, runtimeLibrary: options.onnxRuntimePath, variables: variables)
        let host = ProcessEvaluatorHost(
            .init(
                executable: installation.evaluator, runtimeLibrary: installation.runtimeLibrary,
                staging: staging))
        try host.checkAvailable()
        console.note("\(worker.name) asks for work: \(worker.labels.map(\.description).joined(separator: " "))")
        let remote = RemoteWorker(
            client: client, host: host, cache: cache, worker: worker, options: options, console: console)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for place in options.places { group.addTask { try await remote.work(on: place) } }
            try await group.waitForAll()
        }
    }

    // MARK: One evaluator

    private func work(on cpus: CPUSet?) async throws {
        let request = ClaimRequest(
            worker: worker.name, labels: worker.labels, evaluator: host.build, threadsMax: cpus?.numbers.count)
        var pause = Self.firstPause
        var isLost = false
        // What was given back, by verification; the empty text stands for all whose name cannot be read.
        var refused: Set<String> = []
        while true {
            do {
                if let job = try await client.claim(request) {
                    pause = Self.firstPause
                    try await perform(job, on: cpus)
                    if options.isOnce { return }
                    continue
                }
                isLost = false
            } catch let unusable as UnusableClaim {
                // Once: one that comes again is left until its lease ends, which counts as an attempt, so that no job
                // goes to and fro for ever.
                let name = unusable.verification?.text ?? ""
                if refused.count < Self.refusedMax, refused.insert(name).inserted { await refuse(unusable) }
                if options.isOnce { throw unusable.reason }
            } catch let error as AssayError where error.code.isRetryable {
                if !isLost { console.note("no work: \(error.message)") }
                isLost = true
            }
            try await Task.sleep(for: pause)
            pause = min(Self.pauseMax, pause * 2)
        }
    }

    /// Runs a job and tells what came of it; a job that the server takes away is dropped.
    private func perform(_ job: ClaimResponse, on cpus: CPUSet?) async throws {
        let id = job.verification.id
        console.note("verification \(id) began")
        do {
            let ended = try await whileTelling(job) { note in
                try await self.tell(try await self.evaluate(job, on: cpus, note), of: job.claim)
            }
            console.note("verification \(id) ended: \(ended?.state.rawValue ?? "taken away")")
        } catch is CancellationError {
            // Owned by this function, which waits for it: a cancelled task can send nothing.
            await Task { await self.giveBack(job) }.value
            throw CancellationError()
        } catch let error as AssayError where error.code.isRetryable {
            // Its files cannot be fetched now, which says nothing of the model.
            await giveBack(job)
            throw error
        } catch let error as AssayError {
            console.note("verification \(id) was not taken: \(error.message)")
        }
    }

    private func giveBack(_ job: ClaimResponse) async {
        await giveBack(job.claim, named: "verification \(job.verification.id)")
    }

    private func giveBack(_ claim: ClaimID, named name: String) async {
        do {
            try await client.giveBack(claim)
            console.note("\(name) was given back")
        } catch {
            // The server takes it back itself when the lease ends.
            console.note("\(name) was not given back: \(error)")
        }
    }

    /// Gives back what cannot be run, and says why.
    private func refuse(_ unusable: UnusableClaim) async {
        let reason = Printable.escape(unusable.reason.reason ?? "it cannot be read", limit: 1_000)
        console.note("\(unusable.reason.message): \(reason)")
        if let claim = unusable.claim { await giveBack(claim, named: "claim \(claim)") }
    }

    // MARK: Signs of life

    /// Does work while telling the server of it; nil if the server takes the job away, which ends the work.
    private func whileTelling(
        _ job: ClaimResponse,
        _ work: @escaping @Sendable (@escaping @Sendable (Verification.Progress) -> Void) async throws -> Verification
    ) async throws -> Verification? {
        let progress = Latest()
        return try await withThrowingTaskGroup(of: Verification?.self) { group in
            group.addTask { try await work { step in progress.value.withLock { $0 = step } } }
            group.addTask {
                try await self.beat(job, progress)
                return nil
            }
            let first = try await group.next()
            group.cancelAll()
            return first.flatMap(\.self)
        }
    }

    private final class Latest: Sendable {
        let value = Mutex<Verification.Progress?>(nil)
    }

    /// Tells of itself until the job is taken away.
    private func beat(_ job: ClaimResponse, _ progress: Latest) async throws {
        let pause = Duration.milliseconds(max(50, job.leaseMilliseconds / Int64(Self.beatsPerLease)))
        while true {
            try await Task.sleep(for: pause)
            do {
                try await client.extend(job.claim, progress: progress.value.withLock(\.self))
            } catch let error as AssayError where [.claimLost, .claimNotFound].contains(error.code) {
                return
            } catch is AssayError {
                // A server that does not answer may do so at the next beat; its leases wait for it.
            }
        }
    }

    // MARK: Evaluating

    private func evaluate(
        _ job: ClaimResponse, on cpus: CPUSet?, _ progress: @escaping @Sendable (Verification.Progress) -> Void
    ) async throws -> ResultRequest {
        do {
            let outcome = try await withFiles(of: job) { files in
                guard let model = Self.model(.model, data: .modelData, among: files) else {
                    throw AssayError(.serverRefused, "the server named no model")
                }
                return try await host.evaluate(
                    EvaluationRequest(
                        model: model, baseline: Self.model(.baseline, data: .baselineData, among: files),
                        teacher: Self.model(.teacher, data: .teacherData, among: files),
                        dataset: try Self.dataset(files.filter { $0.file.role == .dataset }),
                        settings: job.verification.settings, cpus: cpus), progress: progress)
            }
            return Self.result(outcome, of: job.verification)
        } catch is CancellationError {
            throw CancellationError()
        } catch let error as AssayError where error.code.isRetryable {
            throw error
        } catch {
            let known = error as? AssayError ?? AssayError(.internalError, "the evaluation could not run", cause: error)
            return ResultRequest(
                environment: nil, cage: nil, measurements: nil,
                failure: .init(kind: known.code.name, message: known.message))
        }
    }

    private static func result(
        _ outcome: EvaluationOutcome, of verification: Verification
    ) -> ResultRequest {
        switch outcome.result {
        case .success(let measured):
            ResultRequest(
                environment: outcome.environment, cage: outcome.cage,
                measurements: Verify.measurements(measured, of: verification),
                failure: nil)
        case .failure(let error):
            ResultRequest(
                environment: outcome.environment, cage: outcome.cage, measurements: nil, failure: error.failure)
        }
    }

    /// A file of a job and where it lies here.
    private typealias LocalFile = (file: ClaimResponse.File, path: String)

    /// A model and its data. The server has checked locations; the staging folder takes plain names alone.
    private static func model(
        _ role: ClaimResponse.File.Role, data: ClaimResponse.File.Role, among files: [LocalFile]
    ) -> LocalModel? {
        files.first { $0.file.role == role }.map { model in
            let beside = files.filter { $0.file.role == data }.map { (ExactText($0.file.location ?? ""), $0.path) }
            return LocalModel(path: model.path, externalData: Dictionary(beside) { $1 })
        }
    }

    private static func dataset(_ files: [LocalFile]) throws -> DatasetFiles {
        do {
            let layout = try DatasetLayout(
                files: files.map { VersionFile(path: $0.file.path, digest: $0.file.digest, size: $0.file.size) },
                of: "the job's dataset")
            let paths = Dictionary(
                files.map { (ExactText($0.file.path), $0.path) }, uniquingKeysWith: { first, _ in first })
            return layout.located(at: layout.files.compactMap { paths[ExactText($0.path)] })
        } catch {
            throw AssayError(.serverRefused, "the server named no dataset", reason: error.failure.message)
        }
    }

    private func withFiles(
        of job: ClaimResponse, _ body: ([LocalFile]) async throws -> EvaluationOutcome
    ) async throws -> EvaluationOutcome {
        try await withFiles(job.files[...], before: [], body)
    }

    private func withFiles(
        _ rest: ArraySlice<ClaimResponse.File>, before: [LocalFile],
        _ body: ([LocalFile]) async throws -> EvaluationOutcome
    ) async throws -> EvaluationOutcome {
        guard let file = rest.first else { return try await body(before) }
        let blob = Descriptor(mediaType: MediaType.octetStream, digest: file.digest, size: file.size)
        return try await cache.withFile(of: blob, from: file.repository, by: client) { path in
            try await withFiles(rest.dropFirst(), before: before + [(file, path)], body)
        }
    }

    /// Tells a result until the server has it; the lease ends the waiting for one that never answers again.
    private func tell(_ result: ResultRequest, of claim: ClaimID) async throws -> Verification {
        for _ in 1..<Self.tellingMax {
            do {
                return try await client.finish(claim, result)
            } catch let error as AssayError where error.code.isRetryable {
                try await Task.sleep(for: .seconds(1))
            }
        }
        return try await client.finish(claim, result)
    }
}
