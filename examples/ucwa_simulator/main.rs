//! `ucwa_simulator`: a simulated Lync or Skype for Business server, as its REST API (UCWA 2.0) shows it.

#[allow(dead_code, reason = "tests and benches use what the program does not")]
mod simulator;

use simulator::core::Simulator;
use simulator::person::Manner;
use simulator::switches::Switches;
use simulator::timer::RealTime;
use simulator::world::Config;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config { domain: "contoso.com".to_owned(), seed: 1, secure_port: None, switches: Switches::default() };
    let simulator = Simulator::new(config, Arc::new(RealTime));
    simulator.add_person("sip:lene@contoso.com", None, Some("secret"), Manner::Offline)?;
    simulator.add_person("sip:tosh@contoso.com", None, Some("secret"), Manner::Echo(Duration::ZERO))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8480").await?;
    tokio::spawn(simulator.clone().run());
    simulator::serve::listen(simulator, listener, None).await;
    Ok(())
}
