import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain

/// `assay jobs list|cancel`
struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs",
        abstract: "List verifications that wait, run or have ended, or cancel one.",
        discussion: """
            Example:
              assay jobs --state queued
            """,
        subcommands: [JobsListCommand.self, JobsCancelCommand.self], defaultSubcommand: JobsListCommand.self)
}

/// `assay jobs list`
struct JobsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List verifications, newest first; this is what jobs does by itself.",
        discussion: """
            Example:
              assay jobs list --state running --repository team/fraud
            """)

    @Option(
        help: "Only those in this state: queued, running, measured, failed or cancelled.",
        completion: .values(of: Verification.State.self))
    var state: String?

    @Option(help: "Only those of this repository's versions.", completion: .repository)
    var repository: String?

    @Option(help: "The most rows.")
    var limit = 100

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let state = try state.map { text throws(AssayError) in
            guard let state = Verification.State(rawValue: text) else {
                throw AssayError(
                    .usage, "\(Printable.quote(text, limit: 40)) is no state",
                    remedy: "use \(Verification.State.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return state
        }
        let repository = try repository.map { (text) throws(AssayError) in try RepositoryName(parsing: text) }
        let (limit, isJSON, console) = (limit, options.json, options.console)
        try await options.withClient { client in
            let jobs = try await Pages.collect(limit: limit) { after, limit in
                try await client.jobs(state: state, repository: repository, after: after, limit: limit)
            }
            if isJSON { return try console.print(json: jobs) }
            var table = Table("JOB", "STATE", "VERSION", "DATASET", "WORKER", "CREATED")
            for job in jobs.items {
                table.add(
                    job.id.text, Self.text(of: job), "\(job.subject.repository):\(job.subject.number)",
                    "\(job.dataset.repository):\(job.dataset.number)", job.worker?.name.text ?? "",
                    job.createdAt.description)
            }
            if !table.isEmpty { try console.print(table) }
            console.noteIfCut(jobs)
        }
    }

    private static func text(of job: Verification) -> String {
        if let missing = job.waitsFor { return "queued for \(missing.joined(separator: ", "))" }
        guard job.state == .running, let progress = job.progress else { return job.state.rawValue }
        return "\(progress.stage) \(progress.done)/\(progress.total)"
    }
}

/// `assay jobs cancel ID`
struct JobsCancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "End a verification that waits or runs, without a report.",
        discussion: """
            Example:
              assay jobs cancel ea67b6dce21ddb10
            """)

    @Argument(help: "The verification's id, as jobs lists it.")
    var id: String

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        let id = try VerificationID(parsing: id)
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let job = try await client.cancel(id)
            if isJSON { return try console.print(json: job) }
            try console.print("verification \(id) is cancelled")
        }
    }
}
