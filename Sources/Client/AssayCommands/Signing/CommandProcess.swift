import AssayDomain
import Glibc

/// A command of the shell in a process group of its own, which gets a message and gives an answer.
///
/// However it ends, nothing of its group is left: what it started and left behind is killed with it. It inherits the
/// error stream, so that it can say what is wrong, and cannot ask at the terminal.
struct CommandProcess: ~Copyable {
    enum Outcome: Equatable {
        case exited(Int32, answer: [UInt8])
        case killed(signal: Int32)
        /// It wrote more than was allowed.
        case flooded
        /// It did not end within its time.
        case late
        /// The flag told it to stop.
        case stopped
    }

    /// How often the flag, and whether the process has ended, are looked at while nothing comes or goes.
    private static let pauseMilliseconds: Int32 = 20
    private static let pieceBytes = 64 << 10

    private let pid: pid_t
    private let input: Int32  // owned
    private let output: Int32  // owned

    /// Starts it. Throws `signer-failed`.
    init(shell command: String) throws(AssayError) {
        let (theirInput, input) = try Self.pipe()
        let output: Int32, theirOutput: Int32
        do {
            (output, theirOutput) = try Self.pipe()
        } catch {
            for descriptor in [theirInput, input] { close(descriptor) }
            throw error
        }
        defer { for descriptor in [theirInput, theirOutput] { close(descriptor) } }
        var pid: pid_t = 0
        let code = Self.spawn(&pid, command, input: theirInput, output: theirOutput)
        guard code == 0 else {
            for descriptor in [input, output] { close(descriptor) }
            throw Self.failure("posix_spawn", code)
        }
        // Neither reading nor writing may wait for the other.
        for descriptor in [input, output] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
        (self.pid, self.input, self.output) = (pid, input, output)
    }

    deinit { close(output) }

    /// Writes the message and reads the answer at once, until the process has ended or has to.
    consuming func exchange(
        _ message: [UInt8], answerBytesMax: Int, deadline: Duration, stop: StopFlag
    ) -> Outcome {
        let end = ContinuousClock.now + deadline
        var (rest, answer) = (message[...], [UInt8]())
        var (isWriting, isReading) = (true, true)
        var early: Outcome?
        while early == nil, isReading {
            if stop.isSet { early = .stopped }
            if ContinuousClock.now >= end { early = .late }
            if isWriting, rest.isEmpty || !write(&rest) {
                close(input)
                isWriting = false
            }
            // What it started may keep the output open behind it.
            let (isOver, count) = (hasEnded(), answer.count)
            isReading = read(&answer) && !(isOver && answer.count == count)
            if answer.count > answerBytesMax { early = .flooded }
            if isReading { wait(isWriting: isWriting) }
        }
        if isWriting { close(input) }
        // It closed its output, which is not yet its end.
        while early == nil, !hasEnded() {
            if stop.isSet { early = .stopped }
            if ContinuousClock.now >= end { early = .late }
            usleep(UInt32(Self.pauseMilliseconds) * 1_000)
        }
        // The number is this group's for as long as its leader was not collected.
        kill(-pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        if let early { return early }
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF, answer: answer) : .killed(signal: signal)
    }

    /// Whether the process has ended; it is not collected yet.
    private borrowing func hasEnded() -> Bool {
        var info = siginfo_t()
        return waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_signo != 0
    }

    /// Writes what fits; false once nobody reads any more: then the answer decides.
    private borrowing func write(_ rest: inout ArraySlice<UInt8>) -> Bool {
        let count = rest.withUnsafeBytes { Glibc.write(input, $0.baseAddress, min($0.count, Self.pieceBytes)) }
        if count > 0 { rest = rest.dropFirst(count) }
        return count > 0 || errno == EAGAIN || errno == EINTR
    }

    /// Reads what is there; false at the end.
    private borrowing func read(_ answer: inout [UInt8]) -> Bool {
        var piece = [UInt8](repeating: 0, count: Self.pieceBytes)
        let count = Glibc.read(output, &piece, piece.count)
        if count > 0 { answer += piece[..<count] }
        return count > 0 || count < 0 && (errno == EAGAIN || errno == EINTR)
    }

    private borrowing func wait(isWriting: Bool) {
        var events = [pollfd(fd: output, events: Int16(POLLIN), revents: 0)]
        if isWriting { events.append(pollfd(fd: input, events: Int16(POLLOUT), revents: 0)) }
        poll(&events, nfds_t(events.count), Self.pauseMilliseconds)
    }

    // MARK: Starting

    private static func spawn(_ pid: inout pid_t, _ command: String, input: Int32, output: Int32) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // What is ignored or blocked here must end the command all the same.
        var (all, none) = (sigset_t(), sigset_t())
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        let words: [UnsafeMutablePointer<CChar>?] = ["/bin/sh", "-c", command].map { (word: String) in strdup(word) }
        defer { for word in words { free(word) } }
        return posix_spawn(&pid, "/bin/sh", &actions, &attributes, words + [nil], environ)
    }

    /// A pipe whose ends no other process inherits: first the one to read from.
    private static func pipe() throws(AssayError) -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { throw failure("pipe", errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func failure(_ call: String, _ code: Int32) -> AssayError {
        AssayError(
            .signerFailed, "a command cannot be started", reason: "\(call): \(String(cString: strerror(code)))")
    }
}
