//! The arguments of `hallmarkd` and of `hallmark serve`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};

use super::config::{ConfigError, LogFormat, LogLevel, Settings, Tls};

/// Run the service, or copy its data.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ServeArgs {
    /// What to do instead of running.
    #[command(subcommand)]
    pub command: Option<ServeCommand>,
    /// How to run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What can be done with the data of a service.
#[derive(Debug, Clone, Subcommand)]
pub enum ServeCommand {
    /// Copy the data directory while the service runs; the key file is not part of it
    Backup {
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The folder for the copy; it must be new or empty
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// Make a data directory from a backup
    Restore {
        /// The backup
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
        /// The data directory; it must be new or empty
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

/// Flags of a running service; each overrides the field of the same name in the configuration.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArgs {
    /// Configuration file (TOML); hallmarkd.toml in the sources shows every field
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data directory; it is made when it is not there [default: hallmark-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address and port; port 0 takes a free one [default: 127.0.0.1:8470]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// File with the service's key, made when it is not there [default: beside the data, DATA.key]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Go on with another key than the data directory was served with
    #[arg(long)]
    pub new_key: bool,
    /// Name clients know the service by, such as vault.example; may be repeated
    #[arg(long, value_name = "HOST[:PORT]")]
    pub authority: Vec<String>,
    /// How it is reached beyond this machine.
    #[command(flatten)]
    pub tls: TlsArgs,
    /// Network whose word on a client's address is believed; may be repeated
    #[arg(long, value_name = "NETWORK")]
    pub trusted_proxy: Vec<super::peer::Network>,
    /// Name of the transparency log [default: as it was begun, else the first --authority and /log]
    #[arg(long, value_name = "NAME")]
    pub origin: Option<String>,
    /// File that names the witnesses who have to see the log (C2SP tlog-policy)
    #[arg(long, value_name = "FILE")]
    pub witnesses: Option<PathBuf>,
    /// Have the log of a restored backup go on, although entries may be missing in it
    #[arg(long)]
    pub log_goes_on: bool,
    /// Most bytes of items, blobs and manifests of one account [default: 10737418240]
    #[arg(long, value_name = "BYTES")]
    pub quota_bytes: Option<u64>,
    /// Serve /metrics there; without it, this machine alone can ask, and not with a name or proxy
    #[arg(long, value_name = "ADDR")]
    pub metrics_listen: Option<SocketAddr>,
    /// What is logged [default: info]
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,
    /// How it is logged, to standard error [default: text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Write the address here once requests are served, for scripts
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
}

impl RunArgs {
    /// The file's settings, or the defaults without one, overridden by the flags and checked.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        let mut settings = match &self.config {
            Some(path) => Settings::read(path)?,
            None => Settings::default(),
        };
        over(&mut settings.data, &self.data);
        over(&mut settings.listen, &self.listen);
        over(&mut settings.quota_bytes, &self.quota_bytes);
        over(&mut settings.log.level, &self.log_level);
        over(&mut settings.log.format, &self.log_format);
        settings.key_file = self.key_file.clone().or(settings.key_file);
        settings.metrics_listen = self.metrics_listen.or(settings.metrics_listen);
        settings.behind_proxy |= self.tls.behind_proxy;
        settings.new_key = self.new_key;
        settings.log_goes_on = self.log_goes_on;
        settings.origin = self.origin.clone().or(settings.origin);
        settings.witnesses = self.witnesses.clone().or(settings.witnesses);
        if !self.authority.is_empty() {
            settings.authorities.clone_from(&self.authority);
        }
        if !self.trusted_proxy.is_empty() {
            settings.trusted_proxies.clone_from(&self.trusted_proxy);
        }
        settings.tls = self.tls.files().or(settings.tls);
        settings.check()?;
        Ok(settings)
    }
}

/// Flags of anything that serves: how it is reached beyond this machine.
#[derive(Debug, Clone, Default, Args)]
pub struct TlsArgs {
    /// Certificate file for TLS (PEM)
    #[arg(long, value_name = "PEM", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key file for TLS (PEM)
    #[arg(long, value_name = "PEM", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// A proxy in front ends TLS, so plain HTTP may be spoken beyond this machine
    #[arg(long)]
    pub behind_proxy: bool,
}

impl TlsArgs {
    /// The files, where they are given.
    pub(super) fn files(&self) -> Option<Tls> {
        let (certificate, key) = self.tls_cert.clone().zip(self.tls_key.clone())?;
        Some(Tls { certificate, key })
    }
}

fn over<T: Clone>(setting: &mut T, flag: &Option<T>) {
    if let Some(flag) = flag {
        *setting = flag.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        serve: ServeArgs,
    }

    fn parse(args: &[&str]) -> Result<ServeArgs, clap::Error> {
        Program::try_parse_from([&["hallmarkd"], args].concat()).map(|program| program.serve)
    }

    #[test]
    fn without_arguments_the_defaults_hold() {
        let args = parse(&[]).expect("no argument is needed");
        assert_eq!(args.run.settings().expect("usable"), Settings::default());
    }

    #[test]
    fn flags_override_the_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("hallmarkd.toml");
        std::fs::write(&file, "data = \"a\"\nquota_bytes = 7\n").expect("written");
        let file = file.to_str().expect("text");
        let args = parse(&["--config", file, "--data", "b", "--log-level", "warn"]);
        let settings = args.expect("documented").run.settings().expect("usable");
        assert_eq!((settings.data, settings.quota_bytes), (PathBuf::from("b"), 7));
        assert_eq!(settings.log.level, LogLevel::Warn);
    }

    #[test]
    fn flags_that_need_or_exclude_each_other_are_told() {
        for args in [
            &["--tls-cert", "x"] as &[&str],
            &["--listen", "nowhere"],
            &["--data", "x", "backup", "--data", "x", "--to", "y"],
            &["restore", "--data", "x"],
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
        let open = parse(&["--listen", "0.0.0.0:0"]).expect("an address");
        assert!(matches!(open.run.settings(), Err(ConfigError::PlainHttp { .. })));
        let backup = parse(&["backup", "--data", "x", "--to", "y"]).expect("documented");
        assert!(matches!(backup.command, Some(ServeCommand::Backup { .. })));
    }
}
