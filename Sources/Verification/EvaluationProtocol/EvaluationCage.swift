/// What confines an evaluator's process, by the names of its layers, and which of them the kernel or the parent lacks.
///
/// The set of names is open; docs/formats/evaluation.md says what each one holds back.
package struct EvaluationCage: Equatable, Codable, Sendable {
    package var layers: [Layer]
    package var absent: [Layer]

    package init(layers: [Layer] = [], absent: [Layer] = []) {
        self.layers = layers
        self.absent = absent
    }

    /// One thing that holds the process back, independent of the others.
    package struct Layer: RawRepresentable, Hashable, Codable, Sendable {
        package let rawValue: String

        package init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The process was started without environment variables.
        package static let environment = Layer(rawValue: "environment")
        /// It leads a session and a process group of its own.
        package static let session = Layer(rawValue: "session")
        /// CPU time, address space, file size, open files, processes, no core file.
        package static let resourceLimits = Layer(rawValue: "resource-limits")
        /// Starting a program gives it no rights; other processes of the user cannot look into it.
        package static let noNewPrivileges = Layer(rawValue: "no-new-privileges")
        /// It holds no capability, also where it was started by root.
        package static let capabilities = Layer(rawValue: "capabilities")
        /// Landlock: files other than its own and those of the loader cannot be opened, and none can be made.
        package static let landlockFiles = Layer(rawValue: "landlock-files")
        /// Landlock from version 2: nor be linked or moved between folders.
        package static let landlockLinks = Layer(rawValue: "landlock-links")
        /// Landlock from version 3: nor be cut.
        package static let landlockTruncate = Layer(rawValue: "landlock-truncate")
        /// Landlock from version 4: no TCP.
        package static let landlockTCP = Layer(rawValue: "landlock-tcp")
        /// Landlock from version 5: no commands to devices.
        package static let landlockDevices = Layer(rawValue: "landlock-devices")
        /// Landlock from version 6: no signals and no abstract sockets to processes outside.
        package static let landlockScope = Layer(rawValue: "landlock-scope")
        /// The filter of system calls.
        package static let seccomp = Layer(rawValue: "seccomp")
    }

    /// Notes a layer as closed, or as absent.
    package mutating func note(_ layer: Layer, isClosed: Bool) {
        if isClosed { layers.append(layer) } else { absent.append(layer) }
    }
}
