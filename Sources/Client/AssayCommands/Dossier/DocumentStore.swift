import APIProtocol
import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// Fetches the documents of a dossier from a registry, several at a time, and keeps them.
actor DocumentStore {
    private static let atOnce = 8

    private let client: AssayClient
    private let scope: DossierScope
    private var known: [Digest: [UInt8]] = [:]
    private var asked: Set<Digest> = []
    private var byteCount: Int64 = 0

    init(client: AssayClient, scope: DossierScope) {
        self.client = client
        self.scope = scope
    }

    /// Documents that were fetched.
    struct Fetched: DossierDocuments {
        let known: [Digest: [UInt8]]

        func bytes(of digest: Digest) -> [UInt8]? { known[digest] }
    }

    func documents() -> Fetched { Fetched(known: known) }

    /// The versions that these verdicts judge for the alias.
    func judged(in verdicts: [PlacedEntry]) async throws -> [Digest] {
        try await fetch(verdicts.compactMap { $0.digest(.envelope) }, read: envelope)
        return verdicts.compactMap { item in
            guard let bytes = item.digest(.envelope).flatMap({ known[$0] }) else { return nil }
            let statement = try? DSSEEnvelope(parsing: bytes).unverifiedStatement()  // Else it is no verdict.
            return DossierVerdict(statement)?.number(on: scope) == nil ? nil : item.digest(.subject)
        }
    }

    /// Fetches all that a log calls for.
    func fetch(for log: DossierLog) async throws {
        let pems = try await client.keys().items.map { ($0.id, Array($0.pem.utf8)) }
        for (id, pem) in pems { if let digest = try? Digest(parsing: "sha256:\(id)") { try keep(pem, as: digest) } }
        let policies = Set((log.policies + log.moves).compactMap { $0.digest(.policy) })
        try await fetch(Array(policies), read: policy)
        try await fetch(log.verdicts.compactMap { $0.digest(.envelope) }, read: envelope)
        let versions = Set((log.moves.map { $0.digest(.digest) } + judgedSubjects(log)).compactMap(\.self))
        try await fetch(Array(versions), read: manifest)
        try await fetch(
            versions.flatMap { log.evidence(about: $0) }.compactMap { $0.digest(.envelope) }, read: envelope)
    }

    private func judgedSubjects(_ log: DossierLog) -> [Digest?] {
        log.verdicts.map { item in
            let statement = item.digest(.envelope).flatMap { known[$0] }
                .flatMap { try? DSSEEnvelope(parsing: $0).unverifiedStatement() }  // Else it is no verdict.
            guard let number = DossierVerdict(statement)?.number(on: scope), let subject = item.digest(.subject),
                log.hasVersion(number, subject)
            else { return nil }
            return subject
        }
    }

    private func fetch(
        _ digests: [Digest], read: @escaping @Sendable (Digest) async throws -> [UInt8]?
    ) async throws {
        let wanted = Set(digests).subtracting(asked)
        guard asked.count + wanted.count <= DossierForm.documentsMax else {
            throw AssayError(
                .tooManyEntries, "the window has over \(DossierForm.documentsMax) documents",
                remedy: "choose a shorter window")
        }
        asked.formUnion(wanted)
        var rest = wanted.makeIterator()
        try await withThrowingTaskGroup(of: (Digest, [UInt8]?).self) { group in
            func add() {
                guard let digest = rest.next() else { return }
                group.addTask { (digest, try await read(digest)) }
            }
            for _ in 0..<Self.atOnce { add() }
            while let (digest, bytes) = try await group.next() {
                if let bytes { try keep(bytes, as: digest) }
                add()
            }
        }
    }

    private func keep(_ bytes: [UInt8], as digest: Digest) throws {
        guard known.updateValue(bytes, forKey: digest) == nil else { return }
        byteCount += Int64(bytes.count)
        guard byteCount <= DossierForm.documentBytesMax else {
            throw AssayError(
                .bodyTooLarge, "the window has over \(DossierForm.documentBytesMax >> 20) MiB of documents",
                remedy: "choose a shorter window")
        }
    }

    private nonisolated var envelope: @Sendable (Digest) async throws -> [UInt8]? {
        { [client, scope] digest in
            try await client.attachedContent(digest, in: scope.repository, bytesMax: DSSEEnvelope.bytesMax)
        }
    }

    private nonisolated var manifest: @Sendable (Digest) async throws -> [UInt8]? {
        { [client, scope] digest in
            do {
                return try await client.manifest(digest, in: scope.repository).bytes
            } catch let error as AssayError where error.code.kind == .notFound {
                return nil
            }
        }
    }

    private nonisolated var policy: @Sendable (Digest) async throws -> [UInt8]? {
        { [client, scope] digest in
            let bytes = try JSON.encode(try await client.policy(digest, of: scope.reference).policy)
            try AnswerCheck.demand(
                Digest.of(bytes, algorithm: digest.algorithm) == digest, asked: "\(digest)", answered: "another policy")
            return bytes
        }
    }
}
