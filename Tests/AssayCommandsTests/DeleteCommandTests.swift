import AssayCommands
import AssayDomain
import Synchronization
import Testing

struct DeleteCommandTests {
    @Test func `an alias is not deleted, and the advice says what is meant`() async {
        let captured = Captured()
        #expect(await captured.run("delete", "team/fraud:production", "--store", "s") == 2)
        #expect(captured.error.contains("error: team/fraud:production is an alias"))
        #expect(captured.error.contains("assay alias remove team/fraud production"))
    }

    @Test(arguments: ["digits:3", "digits@sha256:\(String(repeating: "a", count: 64))"])
    func `a number and a digest are asked for`(reference: String) async {
        let captured = Captured()
        #expect(await captured.run("delete", reference, "--store", "here") == 2)
        #expect(captured.error.contains("there is no store 'here'"))
    }

    @Test(arguments: [([], true), (["--no-delete"], false)])
    func `a server offers deletes unless it is told not to`(flags: [String], allowsDeletes: Bool) async {
        let served = Mutex<ServeOptions?>(nil)
        let environment = CommandEnvironment(
            variables: [:], console: Captured().console(), initialise: { _ in [] },
            serve: { options in served.withLock { $0 = options } }, work: { _, _ in }, withLocalServer: { _, _ in })
        #expect(await AssayMain.run(arguments: ["serve", "--store", "s"] + flags, environment: environment) == 0)
        #expect(served.withLock { $0?.settings.allowsDeletes } == allowsDeletes)
    }
}
