import APIProtocol
import AssayDomain
import AssayRegistry
import HTTPKit
import HTTPTypes
import Hummingbird

extension NativeAPI {
    // MARK: Repositories

    @Sendable func listRepositories(_ call: Call) async throws -> Response {
        let page = try await registry.catalog.repositories(
            RepositoryQuery(
                kind: try Self.kind(in: call), prefix: call.query["prefix"], after: call.query["after"],
                limit: try Self.limit(of: call)))
        return try .message(ListResponse(items: page.items, next: page.next))
    }

    @Sendable func createRepository(_ call: Call) async throws -> Response {
        let request = try await call.json(CreateRepositoryRequest.self)
        return try .message(try await registry.publish.createRepository(request.name, kind: request.kind))
    }

    @Sendable func getRepository(_ call: Call) async throws -> Response {
        try .message(try await registry.catalog.repository(try call.repository("repository")))
    }

    // MARK: Versions

    @Sendable func listVersions(_ call: Call) async throws -> Response {
        let below = try call.query.integer("after", in: 1...VersionNumber.valueMax).flatMap(VersionNumber.init)
        let page = try await registry.catalog.versions(
            VersionQuery(
                repository: try RepositoryName(parsing: try call.query.required("repository")),
                annotation: try Self.annotation(in: call), framework: call.query["framework"],
                runId: call.query["run_id"], below: below, limit: try Self.limit(of: call)))
        return try .message(ListResponse(items: page.items, next: page.next))
    }

    @Sendable func getVersion(_ call: Call) async throws -> Response {
        try .message(try await registry.catalog.version(try call.reference()))
    }

    /// What a server takes, for clients that have much to give.
    @Sendable func getLimits(_ call: Call) async throws -> Response {
        try .message(LimitsResponse(manifestBytesMax: registry.publish.manifestBytesMax))
    }

    /// A publish carries a manifest and signatures, as text within JSON.
    private var publishBytesMax: Int { (8 << 20) + 2 * registry.publish.manifestBytesMax }

    @Sendable func publish(_ call: Call) async throws -> Response {
        let request = try await call.json(PublishRequest.self, upTo: publishBytesMax)
        let outcome = try await registry.publish(
            Publish.Request(
                repository: request.repository, kind: request.kind, manifest: Array(request.manifest.utf8),
                mediaType: request.mediaType, intent: .version(try request.tag.map { try Tag(parsing: $0) }),
                metadata: request.metadata, lineage: request.lineage ?? [],
                signatures: (request.signatures ?? []).map { Array($0.utf8) },
                attestations: (request.attestations ?? []).map { Array($0.utf8) },
                makesProvenance: request.makesProvenance ?? true),
            by: call.principal)
        guard let version = outcome.version else {
            throw AssayError(.internalError, "a publish gave no version")
        }
        return try .message(
            PublishResponse(version: version, isNew: outcome.isNew), status: outcome.isNew ? .created : .ok)
    }

    /// Annotations have 64 KiB as text, which has escapes within JSON.
    private static let annotateBytesMax = 512 << 10

    @Sendable func annotate(_ call: Call) async throws -> Response {
        let request = try await call.json(AnnotateRequest.self, upTo: Self.annotateBytesMax)
        return try .message(
            try await registry.catalog.annotate(try call.reference(), changes: request.annotations))
    }

    @Sendable func search(_ call: Call) async throws -> Response {
        let found = try await registry.catalog.search(
            try call.query.required("q"), kind: try Self.kind(in: call), limit: try Self.limit(of: call))
        return try .message(ListResponse(items: found))
    }

    // MARK: Lineage and attestations

    @Sendable func getLineage(_ call: Call) async throws -> Response {
        let text = try call.query["direction"] ?? LineageGraph.Direction.ancestors.rawValue
        guard let direction = LineageGraph.Direction(rawValue: text) else {
            throw AssayError(
                .requestInvalid, "direction is \(Printable.quote(text, limit: 20))",
                remedy: "use ancestors or descendants")
        }
        let depth = try call.query.integer("depth", in: 1...Int64(Catalog.lineageDepthMax))
        let graph = try await registry.catalog.lineage(
            of: try call.reference(), direction: direction, depth: depth.map { Int($0) } ?? Catalog.lineageDepthDefault)
        switch try call.query["format"] ?? "json" {
        case "json": return try .message(LineageResponse(graph))
        case "dot":
            return Response(
                status: .ok, headers: [.contentType: "text/vnd.graphviz; charset=utf-8"],
                body: .init(byteBuffer: .init(string: graph.dot)))
        case let format:
            throw AssayError(
                .requestInvalid, "format is \(Printable.quote(format, limit: 20))", remedy: "use json or dot")
        }
    }

    @Sendable func listAttestations(_ call: Call) async throws -> Response {
        let records = try await registry.catalog.attestations(
            of: try Reference(parsing: try call.query.required("reference")))
        return try .message(ListResponse(items: records.map(Self.response)))
    }

    /// An envelope has at most 16 MiB, and stands as text within JSON; nearly all of it is base64, without escapes.
    private static let attestBytesMax = 24 << 20

    @Sendable func attest(_ call: Call) async throws -> Response {
        let request = try await call.json(AttestRequest.self, upTo: Self.attestBytesMax)
        let outcome: Attest.Outcome
        switch (request.signature, request.envelope) {
        case (let signature?, nil):
            outcome = try await registry.attest(
                signature: Array(signature.utf8), to: request.reference, by: call.principal)
        case (nil, let envelope?):
            outcome = try await registry.attest(
                envelope: Array(envelope.utf8), to: request.reference, by: call.principal)
        default:
            throw AssayError(.requestInvalid, "one of signature and envelope is wanted, and not both")
        }
        return try .message(Self.response(outcome.attestation), status: outcome.isNew ? .created : .ok)
    }

    private static func response(_ record: AttestationRecord) -> AttestationResponse {
        AttestationResponse(
            manifestDigest: record.manifestDigest, artifactType: record.artifactType,
            predicateType: record.predicateType, envelopeDigest: record.envelope.digest, createdAt: record.createdAt)
    }

    // MARK: Bills and seals

    @Sendable func getBill(_ call: Call) async throws -> Response {
        Response(
            status: .ok, headers: [.contentType: MediaType.cycloneDX],
            body: .init(byteBuffer: .init(bytes: try await registry.seal.bill(of: try call.reference()))))
    }

    @Sendable func listInspections(_ call: Call) async throws -> Response {
        try .message(ListResponse(items: try await registry.inspect(try call.reference())))
    }

    @Sendable func seal(_ call: Call) async throws -> Response {
        let request = try await call.json(SealRequest.self)
        return try .message(SealResponse(made: try await registry.sealing(request.reference)))
    }

    // MARK: Parameters

    static func limit(of call: Call) throws -> Int {
        try call.limit(default: Catalog.pageDefault, max: Catalog.pageMax)
    }

    private static func kind(in call: Call) throws -> Repository.Kind? {
        guard let text = try call.query["kind"] else { return nil }
        guard let kind = Repository.Kind(rawValue: text) else {
            throw AssayError(
                .requestInvalid, "kind is \(Printable.quote(text, limit: 20))", remedy: "use model or dataset")
        }
        return kind
    }

    /// `annotation=KEY=VALUE`
    private static func annotation(in call: Call) throws -> (key: String, value: String)? {
        guard let text = try call.query["annotation"] else { return nil }
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            throw AssayError(.requestInvalid, "annotation is no KEY=VALUE")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }
}
