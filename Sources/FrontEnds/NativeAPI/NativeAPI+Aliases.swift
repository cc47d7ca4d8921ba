import APIProtocol
import AssayDomain
import AssayRegistry
import HTTPKit
import HTTPTypes
import Hummingbird

extension NativeAPI {
    // MARK: Aliases

    @Sendable func listAliases(_ call: Call) async throws -> Response {
        guard try call.query["repository"] == nil else {
            return try .message(
                ListResponse(items: try await registry.aliases.aliases(in: try Self.repository(in: call))))
        }
        let page = try await registry.aliases.allAliases(
            after: try call.query["after"].map(Self.alias), limit: try Self.limit(of: call))
        return try .message(ListResponse(items: page.items, next: page.next))
    }

    @Sendable func getAlias(_ call: Call) async throws -> Response {
        let (repository, alias) = try Self.alias(try call.capture("reference"))
        return try .message(try await registry.aliases.alias(alias, in: repository))
    }

    @Sendable func moveAlias(_ call: Call) async throws -> Response {
        let (repository, alias) = try Self.alias(try call.capture("reference"))
        let request = try await call.json(MoveAliasRequest.self)
        return try .message(
            try await registry.aliases.move(
                alias, in: repository, to: request.version, expecting: try Self.expectation(request.expected),
                by: call.principal))
    }

    @Sendable func removeAlias(_ call: Call) async throws -> Response {
        let (repository, alias) = try Self.alias(try call.capture("reference"))
        return try .message(
            try await registry.aliases.move(
                alias, in: repository, to: nil, expecting: .anything, by: call.principal))
    }

    @Sendable func listAliasMoves(_ call: Call) async throws -> Response {
        let (repository, alias) = try Self.alias(try call.query.required("alias"))
        let page = try await registry.aliases.history(
            of: alias, in: repository, before: try call.query.integer("after", in: 1...Int64.max),
            limit: try Self.limit(of: call))
        return try .message(ListResponse(items: page.items, next: page.next))
    }

    /// Zero means that the alias must not exist.
    private static func expectation(_ expected: Int64?) throws -> AliasMoveRequest.Expectation {
        guard let expected else { return .anything }
        if expected == 0 { return .version(nil) }
        guard let number = VersionNumber(expected) else {
            throw AssayError(.requestInvalid, "expected is \(expected)", remedy: "use a version number, or 0 for none")
        }
        return .version(number)
    }

    /// `NAME:ALIAS`
    private static func alias(_ text: String) throws -> (RepositoryName, AliasName) {
        let reference = try Reference(parsing: text)
        guard case .tag(.alias(let alias)) = reference.selector else {
            throw AssayError(
                .tagInvalid, "\(reference) names no alias", remedy: "write NAME:ALIAS, such as digits:production")
        }
        return (reference.repository, alias)
    }

    private static func repository(in call: Call) throws -> RepositoryName {
        try RepositoryName(parsing: try call.query.required("repository"))
    }

    // MARK: Policies

    @Sendable func listPolicies(_ call: Call) async throws -> Response {
        let records = try await registry.aliases.policies(in: try Self.repository(in: call))
        return try .message(ListResponse(items: try records.map(Self.response)))
    }

    @Sendable func getPolicy(_ call: Call) async throws -> Response {
        let (repository, alias) = try Self.alias(try call.capture("reference"))
        if let digest = try call.query["digest"].map({ try Digest(parsing: $0) }) {
            return try .message(
                try Self.response(try await registry.aliases.policy(digest, of: alias, in: repository)))
        }
        return try .message(try Self.response(try await registry.aliases.policy(of: alias, in: repository)))
    }

    @Sendable func setPolicy(_ call: Call) async throws -> Response {
        let (repository, alias) = try Self.alias(try call.capture("reference"))
        try call.requireJSON()
        let policy = try Policy.parse(try await call.jsonBytes(upTo: Policy.bytesMax))
        var options = ManageAliases.PolicyOptions()
        options.creates = try call.query.flag("create")
        options.allowsUnknownMetrics = try call.query.flag("allow_unknown")
        let record = try await registry.aliases.setPolicy(
            policy, of: alias, in: repository, options, by: call.principal)
        var response = try Self.response(record)
        do {
            response.holder = try await registry.promote.decideHolder(of: alias, in: repository, by: call.principal)
                .map { Self.answer($0.outcome, of: $0.version, to: alias) }
        } catch let error as AssayError where error.code.kind != .storage {
            // The policy protects the alias already; what holds it is not promoted until somebody asks again.
            response.holderFault = "\(error.code): \(error.message)"
        }
        return try .message(response)
    }

    @Sendable func removePolicy(_ call: Call) async throws -> Response {
        let (repository, alias) = try Self.alias(try call.capture("reference"))
        try await registry.aliases.removePolicy(of: alias, in: repository, by: call.principal)
        return Response(status: .noContent)
    }

    private static func response(_ record: PolicyRecord) throws -> PolicyResponse {
        PolicyResponse(
            repository: record.repository, alias: record.alias, digest: record.digest,
            policy: try Policy.parse(stored: record.json), setAt: record.setAt, actor: record.actor)
    }
}
