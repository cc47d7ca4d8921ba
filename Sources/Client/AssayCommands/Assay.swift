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
        groupedSubcommands: [
            CommandGroup(
                name: "Versions",
                subcommands: [
                    PushCommand.self, PullCommand.self, CheckCommand.self, BundleCommand.self, ListCommand.self,
                    ShowCommand.self, FindCommand.self, SearchCommand.self, LineageCommand.self, AnnotateCommand.self,
                    DeleteCommand.self,
                ]),
            CommandGroup(
                name: "Measurement",
                subcommands: [
                    VerifyCommand.self, ReportCommand.self, CompareCommand.self, JobsCommand.self, OptimizeCommand.self,
                    SelectCommand.self,
                    CacheKeyCommand.self,
                ]),
            CommandGroup(
                name: "Promotion",
                subcommands: [
                    PolicyCommand.self, PromoteCommand.self, WaiveCommand.self, RollbackCommand.self,
                    WithdrawCommand.self, AliasCommand.self,
                    AliasesCommand.self, HistoryCommand.self,
                ]),
            CommandGroup(
                name: "Evidence",
                subcommands: [
                    KeyCommand.self, SignCommand.self, AttestCommand.self, AttestationsCommand.self, BOMCommand.self,
                    AuditCommand.self,
                ]),
            CommandGroup(
                name: "Registry",
                subcommands: [
                    InitCommand.self, ServeCommand.self, WorkerCommand.self, GarbageCommand.self,
                    CompletionsCommand.self,
                ]),
        ])
}
