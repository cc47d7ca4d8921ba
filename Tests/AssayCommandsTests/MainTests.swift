import APIProtocol
import AssayCommands
import AssayDomain
import Foundation
import Testing

struct MainTests {
    private let captured = Captured()

    @Test(arguments: ErrorCode.Kind.allCases)
    func `every kind of failure has its exit status`(kind: ErrorCode.Kind) {
        let expected: [ErrorCode.Kind: Int32] = [
            .invalid: 2, .usage: 2, .notFound: 3, .unauthenticated: 4, .denied: 4, .conflict: 5, .integrity: 6,
            .refused: 7, .tooLarge: 7, .range: 7, .busy: 8, .storage: 9, .internal: 70,
        ]
        #expect(ExitStatus.of(kind) == expected[kind])
    }

    @Test(arguments: [
        ["no-such-command"], ["push", "--no-such-option"], ["push"], ["pull"], ["push", "Bad_Name:", "."], ["list"],
        ["list", "--server", "a", "--store", "b"], ["show", "x", "--server", "http://h"], ["completions", "tcsh"],
        ["serve", "--store", "s", "--listen", "nonsense"], ["key", "generate"], ["policy", "set", "a", "1", "f"],
        ["delete"], ["delete", "digits", "--store", "s"], ["delete", "digits:production", "--store", "s"],
    ])
    func `wrong use ends with 2 and says so on the second stream`(arguments: [String]) async {
        let captured = Captured()
        let environment = CommandEnvironment(
            variables: [:], console: captured.console(), initialise: { _ in [] }, serve: { _ in }, work: { _, _ in },
            withLocalServer: { _, _ in })
        #expect(await AssayMain.run(arguments: arguments, environment: environment) == 2)
        #expect(captured.error.hasPrefix("error: "))
        #expect(captured.output.isEmpty)
    }

    @Test(arguments: [["--help"], ["push", "--help"], ["alias"], ["bundle", "import", "--help"], ["--version"]])
    func `help is a success on the first stream`(arguments: [String]) async {
        let captured = Captured()
        let environment = CommandEnvironment(
            variables: [:], console: captured.console(), initialise: { _ in [] }, serve: { _ in }, work: { _, _ in },
            withLocalServer: { _, _ in })
        #expect(await AssayMain.run(arguments: arguments, environment: environment) == 0)
        #expect(!captured.output.isEmpty && captured.error.isEmpty)
    }

    @Test func `an unknown option gets a suggestion`() async {
        #expect(await captured.run("push", "a", "b", "--metadat", "x") == 2)
        #expect(captured.error.contains("--metadata"))
    }

    @Test func `a failure with json is one problem document`() async throws {
        #expect(await captured.run("--json", "show", "digits:1", "--store", "nowhere") == 2)
        let problem = try JSON.decode(Problem.self, from: Array(captured.output.utf8))
        #expect(problem.code == "store-not-found")
        #expect(captured.error.isEmpty)
    }

    @Test func `wrong use with json is one problem document too`() async throws {
        #expect(await captured.run("psuh", "--json") == 2)
        #expect(try JSON.decode(Problem.self, from: Array(captured.output.utf8)).code == "usage")
    }

    @Test func `an option beats the environment`() async {
        let variables = ["ASSAY_SERVER": "http://127.0.0.1:1", "ASSAY_STORE": ""]
        #expect(await captured.run("list", "--store", "here", variables: variables) == 2)
        #expect(captured.error.contains("'here'"))
    }

    @Test func `a server that is down ends with 8`() async {
        #expect(await captured.run("list", "--server", "http://127.0.0.1:1") == 8)
    }

    @Test func `init and serve reach the program`() async {
        #expect(await captured.run("init", "store") == 0)
        #expect(captured.output == "made store\n")
        #expect(await captured.run("serve", "--store", "s", "--listen", "[::1]:7") == 8)
        #expect(captured.error.contains("asked for ::1 7"))
    }

    @Test func `a closed pipe is quiet`() async {
        let environment = CommandEnvironment(
            variables: [:],
            console: Console(
                isTerminal: false, output: { _ in throw ClosedPipe() },
                error: { _ in Issue.record("something was said") }),
            initialise: { _ in ["line"] }, serve: { _ in }, work: { _, _ in }, withLocalServer: { _, _ in })
        #expect(await AssayMain.run(arguments: ["init", "s"], environment: environment) == 141)
    }

    @Test func `a key is made once and for its owner alone`() async throws {
        let folder = try TestFolder()
        let name = folder.path + "/release"
        #expect(await captured.run("key", "generate", "--out", name) == 0)
        let attributes = try FileManager.default.attributesOfItem(atPath: name + ".pem")
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        let before = FileManager.default.contents(atPath: name + ".pem")
        #expect(await captured.run("key", "generate", "--out", name) == 5)
        #expect(FileManager.default.contents(atPath: name + ".pem") == before)
    }

    @Test func `a key file that others may read is not used`() async throws {
        let folder = try TestFolder()
        let name = folder.path + "/k"
        #expect(await captured.run("key", "generate", "--out", name) == 0)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: name + ".pem")
        let file = try folder.write("x", as: "f.bin")
        #expect(await captured.run("push", "a", file, "--key", name + ".pem", "--server", "http://127.0.0.1:1") == 2)
    }

    @Test(arguments: [
        ["bundle", "verify", "absent.tar"], ["key", "trust", "absent.pem", "--server", "http://127.0.0.1:1"],
        ["policy", "set", "a", "production", "absent.yaml", "--server", "http://127.0.0.1:1"],
        ["push", "a", "absent", "--server", "http://127.0.0.1:1"],
    ])
    func `a file that is not there ends with 3`(arguments: [String]) async {
        let captured = Captured()
        let environment = CommandEnvironment(
            variables: [:], console: captured.console(), initialise: { _ in [] }, serve: { _ in }, work: { _, _ in },
            withLocalServer: { _, _ in })
        #expect(await AssayMain.run(arguments: arguments, environment: environment) == 3)
    }
}
