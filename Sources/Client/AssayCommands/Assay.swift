import ArgumentParser

/// The root of all commands.
struct Assay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assay",
        abstract: "A registry of model artifacts that measures a model before it lets it into production.",
        discussion: """
            Every command that speaks to a registry takes --server URL or --store DIR, before or after its name.

            Example:
              assay init ./store
              assay --store ./store push team/fraud model.onnx --key release.pem
            """,
        version: "0.1.0",
        subcommands: [
            InitCommand.self, ServeCommand.self, WorkerCommand.self, PushCommand.self, PullCommand.self,
            ListCommand.self, ShowCommand.self, FindCommand.self, VerifyCommand.self, ReportCommand.self,
            CompareCommand.self, JobsCommand.self, OptimizeCommand.self, SelectCommand.self, PromoteCommand.self,
            RollbackCommand.self, WithdrawCommand.self, AliasCommand.self, AliasesCommand.self, PolicyCommand.self,
            WaiveCommand.self,
            CacheKeyCommand.self, LineageCommand.self, HistoryCommand.self, SearchCommand.self, AnnotateCommand.self,
            DeleteCommand.self, SignCommand.self, AttestCommand.self, AttestationsCommand.self, BOMCommand.self,
            BundleCommand.self, CheckCommand.self, KeyCommand.self, AuditCommand.self, GarbageCommand.self,
            CompletionsCommand.self,
        ])
}
