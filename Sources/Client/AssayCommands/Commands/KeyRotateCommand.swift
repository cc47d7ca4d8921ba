import APIProtocol
import ArgumentParser
import AssayClient
import AssayDomain

/// `assay key rotate registry`
struct KeyRotateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Give the registry another key to sign reports and verdicts with.",
        discussion: """
            The registry makes the key itself and uses it at once; the old one ends now, and what it signed until now \
            still counts. If it was stolen, revoke it afterwards: then reports are measured anew when they are needed, \
            and versions promoted again to have a verdict that counts. Trust roots that were handed on need the new key.

            Example:
              assay key rotate registry
            """)

    @Argument(help: "Which key: registry.", completion: .list([TrustedKey.Role.registry.rawValue]))
    var role: String

    @OptionGroup var options: ServerOptions

    mutating func run() async throws {
        guard let role = TrustedKey.Role(rawValue: role), role == .registry else {
            throw AssayError(
                .usage, "\(Printable.quote(role, limit: 40)) is no key that is rotated", remedy: "use registry")
        }
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let rotated = try await client.rotateKey(RotateKeyRequest(role: role))
            if isJSON { return try console.print(json: rotated) }
            try console.print("the registry signs with key \(rotated.new.id.prefix(12)) from now on")
            if let old = rotated.old {
                try console.print(
                    "key \(old.id.prefix(12)) has ended; if it was stolen: assay key revoke \(old.id.prefix(12))")
            }
            // A file that is there is not overwritten, so the advice names one that is not.
            try console.print("hand the new trust root on: assay key export -o root-\(rotated.new.id.prefix(12)).json")
        }
    }
}
