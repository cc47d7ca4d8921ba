import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain

/// `assay policy set|show|remove`
struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Protect aliases by policies.",
        discussion: """
            Example:
              assay policy init team/fraud:3 -o policy.yaml
              assay policy set team/fraud production policy.yaml
              assay policy check team/fraud:3 production
            """,
        subcommands: [
            PolicyInitCommand.self, PolicySetCommand.self, PolicyCheckCommand.self, PolicyShowCommand.self,
            PolicyHistoryCommand.self,
            PolicyRemoveCommand.self,
        ])
}

/// `assay policy set REPO ALIAS FILE`
struct PolicySetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Attach a policy to an alias, which is protected from then on.",
        discussion: """
            A file may hold several policies: what its profiles say stands above what all of them share. The profile \
            of the alias's name is taken, or the one that --profile names. Every profile is checked.

            Example:
              assay policy set team/fraud production policy.yaml
              assay policy set team/fraud eu-production policy.yaml --profile production
            """)

    @Argument(help: "The repository.", completion: .repository)
    var repository: String

    @Argument(help: "The alias.", completion: .alias)
    var alias: String

    @Argument(help: "The policy as YAML or JSON.", completion: .file())
    var file: String

    @Option(help: "Which of the file's profiles; the one of the alias's name if not given.")
    var profile: String?

    @Flag(help: "Make the repository if it does not exist.")
    var create = false

    @Flag(help: "Let the policy bound metrics that nothing measures.")
    var allowUnknown = false

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let reference = try Arguments.alias(repository, alias)
        let policy = try PolicyFile.read(
            file, profile: profile, alias: alias, allowsUnknownMetrics: allowUnknown)
        let (create, allowUnknown) = (create, allowUnknown)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let response = try await client.setPolicy(
                policy, of: reference, creates: create, allowsUnknown: allowUnknown)
            if isJSON { return try console.print(json: response) }
            try console.print("\(reference) is protected by policy \(response.digest)")
            for line in Self.standing(of: response) { try console.print(line) }
            // What the holder would get, demand by demand.
            let outcomes = response.holder?.outcomes ?? []
            if !outcomes.isEmpty { try PromoteCommand.print(outcomes, on: console) }
        }
    }
}

extension PolicySetCommand {
    /// What became of the version that the alias points to already.
    fileprivate static func standing(of response: PolicyResponse) -> [String] {
        let alias = "\(response.repository):\(response.alias)"
        if let fault = response.holderFault {
            return ["\(alias) is not promoted: \(Printable.escape(fault, limit: 500))"]
        }
        guard let holder = response.holder else { return [] }
        let version = "\(response.repository):\(holder.version)"
        switch holder.state {
        case .promoted, .unchanged, .wouldPass: return ["\(alias) points to \(version), which passes it"]
        case .measuring:
            return [
                "\(alias) points to \(version), which is not promoted before it is measured; then run: "
                    + "assay promote \(version) \(response.alias)"
            ]
        case .refused:
            let unmet = holder.outcomes.filter { !$0.isMet }.map(\.requirement).joined(separator: ", ")
            return [
                "\(alias) points to \(version), which is not promoted: it misses "
                    + Printable.escape(unmet, limit: 500)
            ]
        }
    }
}

/// `assay policy check REF ALIAS`
struct PolicyCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Explain a policy against a version; nothing is measured or moved.",
        discussion: """
            Decides by the evidence that is there. What nobody measured yet is missing. Ends with exit status 7 if the \
            version would be refused.

            Example:
              assay policy check team/fraud:3 production
              assay policy check team/fraud:3 production --policy stricter.yaml
            """)

    @Argument(help: "A version: NAME:3, NAME:candidate or NAME@sha256:….", completion: .reference)
    var reference: String

    @Argument(help: "The alias.", completion: .alias)
    var alias: String

    @Option(
        help: ArgumentHelp("Check against this policy and not the alias's own.", valueName: "file"), completion: .file()
    )
    var policy: String?

    @Option(help: "Which of that file's profiles; the one of the alias's name if not given.")
    var profile: String?

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let reference = try Reference(parsing: reference)
        let alias = try AliasName(parsing: alias)
        guard policy != nil || profile == nil else {
            throw AssayError(.usage, "--profile is of no file", remedy: "add --policy FILE")
        }
        let policy = try policy.map {
            try PolicyFile.read($0, profile: profile, alias: alias.text, allowsUnknownMetrics: true)
        }
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let response = try await client.checkPolicy(policy, of: alias, on: reference)
            if isJSON {
                try console.print(json: response)
            } else {
                try PromoteCommand.print(response.outcomes, on: console)
                try console.print(PromoteCommand.summary(of: response, in: reference.repository))
            }
            if response.state == .refused { throw AlreadyReported(status: ExitStatus.of(.refused)) }
        }
    }
}

/// `assay policy show REPO [ALIAS]`
struct PolicyShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show the policy of an alias, or which aliases of a repository have one.",
        discussion: """
            Example:
              assay policy show team/fraud production
              assay policy show team/fraud production --digest sha256:…
            """)

    @Argument(help: "The repository.", completion: .repository)
    var repository: String

    @Argument(help: "The alias.", completion: .alias)
    var alias: String?

    @Option(help: ArgumentHelp("One that protected the alias once, as policy history lists them.", valueName: "digest"))
    var digest: String?

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let name = try RepositoryName(parsing: repository)
        let reference = try alias.map { try Arguments.alias(repository, $0) }
        let digest = try digest.map { try Digest(parsing: $0) }
        guard digest == nil || reference != nil else {
            throw AssayError(.usage, "--digest names a policy of an alias", remedy: "name the alias too")
        }
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            if let reference {
                let response =
                    if let digest {
                        try await client.policy(digest, of: reference)
                    } else {
                        try await client.policy(of: reference)
                    }
                return try isJSON ? console.print(json: response) : Self.print(response, on: console)
            }
            let list = try await client.policies(in: name)
            if isJSON { return try console.print(json: list) }
            var table = Table("ALIAS", "POLICY", "SET", "BY")
            for item in list.items {
                table.add(item.alias.text, item.digest.description, item.setAt.description, item.actor)
            }
            try console.print(table)
            console.noteIfCut(list)
        }
    }

    private static func print(_ response: PolicyResponse, on console: Console) throws {
        let actor = Printable.escape(response.actor)
        try console.print(
            "\(response.repository):\(response.alias)  \(response.digest)  set \(response.setAt) by \(actor)")
        try console.print(json: response.policy)
    }
}

/// `assay policy remove REPO ALIAS`
struct PolicyRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Take the policy off an alias, which any pusher may move from then on.",
        discussion: """
            Example:
              assay policy remove team/fraud production
            """)

    @Argument(help: "The repository.", completion: .repository)
    var repository: String

    @Argument(help: "The alias.", completion: .alias)
    var alias: String

    @OptionGroup var options: ServerOptions

    /// What `--json` prints.
    private struct Outcome: Encodable {
        let alias: Reference
        let isProtected = false

        private enum CodingKeys: String, CodingKey {
            case alias, isProtected
        }
    }

    mutating func run() async throws {
        let reference = try Arguments.alias(repository, alias)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            try await client.removePolicy(of: reference)
            if isJSON { return try console.print(json: Outcome(alias: reference)) }
            try console.print("\(reference) is no longer protected")
        }
    }
}
